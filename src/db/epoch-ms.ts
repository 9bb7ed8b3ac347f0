/** A column's time as workflows have it, in epoch milliseconds; null stays null. */
export const epochMsOf = (time: Date | null): number | null => time?.getTime() ?? null
