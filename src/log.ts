import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

/** JSON lines for machines; for a person at a terminal, words. Nothing that is logged holds an address or a subject. */
export function createLog(level: string): Logger {
  const base = { service: 'aftersend' }
  if (!process.stdout.isTTY) return pino({ level, base })
  return pino({ level, base }, pretty({ ignore: 'service', translateTime: 'SYS:HH:MM:ss' }))
}
