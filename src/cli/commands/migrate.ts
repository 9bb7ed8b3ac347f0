import { Command } from 'commander'

/** Migrates the database in this process, as `node dist/cli/migrate.js` in the image does. */
export const migrateCommand = (): Command =>
  new Command('migrate')
    .description(
      "bring the database's tables up to date, and Temporal's search attributes where it is named and answers",
    )
    .action(async () => {
      await import('../migrate.ts')
    })
