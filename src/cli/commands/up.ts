import { Command } from 'commander'

/** Starts the system in this process, as `npm start` does. */
export const upCommand = (): Command =>
  new Command('up')
    .description('start Aftersend: API, worker, and an embedded server for each that the environment does not name')
    .addHelpText(
      'after',
      '\nSettings are environment variables, see .env.example: PORT=3100 DATA_DIR=/tmp/try aftersend up',
    )
    .action(async () => {
      await import('../../main.ts')
    })
