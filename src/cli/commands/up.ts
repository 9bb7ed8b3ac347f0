import { Command } from 'commander'

/** The system itself, in this process: it reads the environment, prints what it is doing, and ends the process by itself. */
export const upCommand = (): Command =>
  new Command('up')
    .description('start Aftersend: API, worker, and the servers that the environment does not name')
    .addHelpText('after', '\nSettings are variables (.env.example has all): PORT=3100 DATA_DIR=/tmp/try aftersend up')
    .action(async () => {
      await import('../../main.ts')
    })
