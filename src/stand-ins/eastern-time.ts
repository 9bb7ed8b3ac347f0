/** The times of Postmark's API, which are those of the east of America. */
const easternParts = new Intl.DateTimeFormat('sv-SE', {
  ...{
    timeZone: 'America/New_York',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
  },
  ...{ second: '2-digit', fractionalSecondDigits: 3, timeZoneName: 'longOffset' },
})

/** As Postmark writes a time: `2014-02-14T11:13:10.8050000-05:00`. */
export function easternText(at: number): string {
  const part = Object.fromEntries(easternParts.formatToParts(at).map(({ type, value }) => [type, value]))
  const offset = String(part['timeZoneName']).replace('GMT', '').replace('\u2212', '-')
  const time = `${part['hour']}:${part['minute']}:${part['second']}.${part['fractionalSecond']}0000`
  return `${part['year']}-${part['month']}-${part['day']}T${time}${offset}`
}

/** What a local time of the east of America may mean: two instants in the hour that an autumn night has twice. */
export const easternInstants = (local: string): number[] =>
  ['-04:00', '-05:00']
    .map((offset) => Date.parse(`${local}${offset}`))
    .filter((at) => Number.isFinite(at) && easternText(at).startsWith(local))
