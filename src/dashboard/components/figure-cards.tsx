/** Key figures, each compared with the period before. */
import type { Figures, Rate } from '../../domain/figures.ts'
import { count, duration, percent } from './labels.ts'

interface FigureCardsProps {
  readonly figures: Figures
  readonly before: Figures
  /** The length of the period. */
  readonly period: string
}

export const FigureCards = ({ figures, before, period }: FigureCardsProps) => (
  <section class="figures" aria-label={`The last ${period}`}>
    <Figure name="Sent" value={count(figures.sent)} trend={countTrend(figures.sent, before.sent)} />
    <RateFigure name="Delivered" of={figures.deliverability} was={before.deliverability} good="up" />
    <RateFigure name="Hard bounces" of={figures.hardBounces} was={before.hardBounces} good="down" />
    <RateFigure name="Failed" of={figures.failures} was={before.failures} good="down" />
    <RateFigure name="Complaints" of={figures.complaints} was={before.complaints} good="down" digits={2} />
    <RateFigure name="Opened by people" of={figures.opens.human} was={before.opens.human} good="up" />
    <TimeFigure {...figures.deliveryTimeMs} was={before.deliveryTimeMs.p50} />
  </section>
)

interface Trend {
  readonly text: string
  readonly direction: 'up' | 'down' | 'level'
  /** Null where neither direction is better. */
  readonly isGood: boolean | null
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly detail?: string
  readonly trend: Trend | null
}

const arrows = { up: '↑', down: '↓', level: '=' } as const

const Figure = ({ name, value, detail, trend }: FigureProps) => (
  <dl class="figure card">
    <dt>{name}</dt>
    <dd class="figure-value">{value}</dd>
    <dd class="figure-foot">
      {detail && <span>{detail}</span>}
      {trend && (
        <span class={`trend ${trend.isGood === null ? 'level' : trend.isGood ? 'better' : 'worse'}`}>
          {arrows[trend.direction]} {trend.text}
          <span class="hidden-text"> compared with the period before</span>
        </span>
      )}
    </dd>
  </dl>
)

interface RateFigureProps {
  readonly name: string
  readonly of: Rate
  readonly was: Rate
  /** The better direction. */
  readonly good: 'up' | 'down'
  readonly digits?: number
}

const RateFigure = ({ name, of, was, good, digits = 1 }: RateFigureProps) => (
  <Figure
    name={name}
    value={percent(of.rate, digits)}
    detail={`${count(of.numerator)} of ${count(of.denominator)}`}
    trend={rateTrend(of.rate, was.rate, good, digits)}
  />
)

const TimeFigure = ({ p50, p95, was }: Figures['deliveryTimeMs'] & { was: number | null }) => (
  <Figure
    name="Delivered within"
    value={p50 === null ? '–' : duration(p50)}
    detail={p95 === null ? 'No delivery yet' : `95 % in ${duration(p95)}`}
    trend={p50 === null || was === null || was === 0 ? null : relativeTrend(p50 / was - 1, 'down')}
  />
)

function countTrend(now: number, before: number): Trend | null {
  return before === 0 ? null : { ...relativeTrend(now / before - 1, 'up'), isGood: null }
}

function relativeTrend(change: number, good: 'up' | 'down'): Trend {
  const percentage = Math.round(change * 100)
  if (percentage === 0) return { text: 'no change', direction: 'level', isGood: null }
  const direction = percentage > 0 ? 'up' : 'down'
  return { text: `${count(Math.abs(percentage))} %`, direction, isGood: direction === good }
}

/** In percentage points: a relative change of a rate would mislead. */
function rateTrend(now: number | null, before: number | null, good: 'up' | 'down', digits: number): Trend | null {
  if (now === null || before === null) return null
  const points = ((now - before) * 100).toFixed(digits)
  if (Number(points) === 0) return { text: 'no change', direction: 'level', isGood: null }
  const direction = Number(points) > 0 ? 'up' : 'down'
  return { text: `${points.replace('-', '')} points`, direction, isGood: direction === good }
}
