import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** JSON lines, or readable text on a terminal. Log entries must not contain addresses or subjects. */
export function createLog(level: string): Logger {
  const base = { service: 'aftersend' }
  if (!process.stdout.isTTY) return pino({ level, base })
  return pino({ level, base }, pretty({ ignore: 'service', translateTime: 'SYS:HH:MM:ss' }))
}
