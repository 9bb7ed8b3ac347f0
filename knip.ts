import type { KnipConfig } from 'knip'
import manifest from './package.json' with { type: 'json' }

/** What the commands of package.json run, through scripts/run.mjs and scripts/test.mjs. */
const commandFiles = Object.values(manifest.scripts).flatMap(
  (script) => script.match(/\b(?:src|bench|test|scripts)\/[\w/-]+\.ts\b/g) ?? [],
)

/** `npm run knip`: unused files, exports and dependencies. A file that is started by its path, and imported by none, is an entry. */
export default {
  entry: [
    ...new Set(commandFiles),
    'src/client/index.ts',
    // Started by the Dockerfile.
    'scripts/prune-modules.mjs',
    // Read by scripts/compose/project.mjs, and run in the image.
    'scripts/compose/load-packages.mjs',
    // Imported by test/pins.test.ts too, by its path.
    'scripts/compose/stand-ins.mjs',
    'src/**/worker-process.ts',
    'src/dashboard/*/*.js',
    'bench/{bare-receiver,endpoint-receiver,minimal-receiver,receiver,reconciler}.ts',
    'test/**/*.test.ts',
    'test/**/changed-workflows.ts',
  ],
  project: [
    'src/**/*.{ts,tsx,js}',
    'test/**/*.{ts,cjs}',
    'bench/**/*.ts',
    'scripts/**/*.{ts,mjs}',
    'bin/**/*.mjs',
    'prisma/*.prisma',
  ],
  ignoreDependencies: [
    // Started by their paths in test/e2e/packages.test.ts.
    '@arethetypeswrong/cli',
    'publint',
    // Imported by the generated client, which is not in the repository.
    '@prisma/client',
    // Their files are found with createRequire(…).resolve.
    '@fontsource-variable/inter',
    'htmx.org',
    'swagger-ui-dist',
    'uplot',
  ],
  // Programs of the machine.
  ignoreBinaries: [
    'apt-get',
    'dockerd',
    'groupadd',
    'mount',
    'nginx',
    'openssl',
    'promtool',
    'psql',
    'umount',
    'useradd',
  ],
} satisfies KnipConfig
