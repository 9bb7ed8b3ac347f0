/** `npm run generate`: the Prisma client, and the dependencies first where they are missing. */
import { prepare } from './prepare.mjs'

await prepare()
