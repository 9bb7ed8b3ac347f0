/* Draws the charts of the overview from their data-chart attributes, and redraws them when these change. */
;(() => {
  const drawn = new WeakMap()
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim()
  const wholeNumber = new Intl.NumberFormat('en-US')
  const inUtc = (seconds) => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC')
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' })
  /** The hour; at midnight, the day. */
  const timeLabel = (seconds) => {
    const at = new Date(seconds * 1000)
    return at.getUTCHours() === 0 ? day.format(at) : at.toISOString().slice(11, 16)
  }
  /** A value between two gaps makes no line, so it is drawn as a point. */
  const hasLoneValue = (values) =>
    values.some((value, at) => value !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null)

  const lengths = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1_000],
    ['ms', 1],
  ]
  const formats = {
    emails: (value) => wholeNumber.format(value),
    milliseconds(value) {
      const [unit, size] = lengths.find(([, length]) => value >= length) ?? ['ms', 1]
      return `${Number((value / size).toFixed(value / size < 10 ? 1 : 0))} ${unit}`
    },
  }

  /** The steps of a duration axis, in milliseconds, up to a day. */
  const steps = [1, 2, 5, 10, 20, 50, 100, 200, 500]
    .concat([1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800].map((seconds) => seconds * 1_000))
    .concat([1, 2, 3, 6, 12, 24].map((hours) => hours * 3_600_000))
  const timeSplits = (_, __, ___, max) => {
    const step = steps.find((length) => max / length <= 5) ?? 86_400_000
    return Array.from({ length: Math.floor(max / step) + 1 }, (_, index) => index * step)
  }

  const axis = (more) => ({
    stroke: colour('muted'),
    font: '11.5px "Inter Variable", system-ui, sans-serif',
    grid: { stroke: colour('line'), width: 1 },
    ticks: { show: false },
    ...more,
  })

  const optionsOf = ({ unit, series }, width) => ({
    width,
    height: 210,
    tzDate: inUtc,
    cursor: { y: false, points: { size: 7 } },
    legend: { live: true },
    // From zero, with room above the highest value.
    scales: { y: { range: (_, __, max) => [0, max > 0 ? max * 1.12 : 1] } },
    axes: [
      axis({ space: 64, size: 30, values: (_, splits) => splits.map(timeLabel) }),
      axis({
        size: 62,
        ...(unit === 'milliseconds' && { splits: timeSplits }),
        values: (_, splits) => splits.map((value) => (unit === 'emails' && value % 1 ? '' : formats[unit](value))),
      }),
    ],
    series: [
      { label: 'UTC', value: '{YYYY}-{MM}-{DD} {HH}:{mm}' },
      ...series.map(({ name, tone, values }, index) => ({
        label: name,
        stroke: colour(tone),
        fill: index === 0 ? colour(`${tone}-ground`) : undefined,
        width: 2,
        points: { show: hasLoneValue(values), size: 5, fill: colour(tone) },
        value: (_, value) => (value === null ? '–' : formats[unit](value)),
      })),
    ],
  })

  function draw(figure) {
    drawn.get(figure)?.destroy()
    const chart = JSON.parse(figure.dataset.chart)
    const values = [chart.times, ...chart.series.map((series) => series.values)]
    drawn.set(figure, new uPlot(optionsOf(chart, figure.clientWidth), values, figure))
  }

  const drawAll = () => document.querySelectorAll('[data-chart]').forEach(draw)

  const resized = new ResizeObserver((entries) => {
    for (const { target } of entries) drawn.get(target)?.setSize({ width: target.clientWidth, height: 210 })
  })

  document.addEventListener('DOMContentLoaded', () => {
    drawAll()
    for (const figure of document.querySelectorAll('[data-chart]')) resized.observe(figure)
    new MutationObserver((changes) => {
      for (const { target } of changes) draw(target)
    }).observe(document.body, { subtree: true, attributeFilter: ['data-chart'] })
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll)
  })
})()
