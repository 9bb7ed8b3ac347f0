/** A column's time in epoch milliseconds, as workflows use it; null stays null. */
export const epochMsOf = (time: Date | null): number | null => time?.getTime() ?? null

/** A time as a parameter of a statement. */
export const iso = (time: number | Date): string => new Date(time).toISOString()

export const isoOrNull = (epochMs: number | null): string | null => (epochMs === null ? null : iso(epochMs))
