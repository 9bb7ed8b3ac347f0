import { defineConfig } from 'prisma/config'

/** Read by `prisma generate` and `prisma studio`. The running system takes its URL from src/config.ts. */
export default defineConfig({
  schema: 'prisma/schema.prisma',
  migrations: { path: 'prisma/migrations' },
  datasource: { url: process.env['DATABASE_URL'] ?? 'postgresql://localhost:5432/aftersend' },
})
