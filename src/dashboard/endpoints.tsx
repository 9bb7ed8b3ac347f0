/** The page of the endpoints: list, create. */
import type { Context } from 'koa'
import { addEndpoint, type EndpointDependencies } from '../api/endpoint-commands.ts'
import { endpointForms } from '../api/endpoint-view.ts'
import { keyProjects } from '../api/keys.ts'
import { listEndpoints } from '../db/endpoints.ts'
import { withBacklogs } from '../db/endpoints-read.ts'
import { inTime } from '../db/request-deadline.ts'
import { endpointScopes } from '../domain/access.ts'
import { parseInput } from '../http/input.ts'
import { Problem } from '../http/problem.ts'
import { providers } from '../providers/registry.ts'
import { EndpointList, type EndpointListProps } from './components/endpoint-list.tsx'
import { readForm, sessionOf } from './guards.ts'
import type { PageRenderer } from './page-renderer.tsx'
import type { PageRouter } from './page-router.ts'

export interface EndpointPagesDependencies extends EndpointDependencies {
  readonly pages: PageRenderer
}

const path = '/setup/endpoints'

export function addEndpointListPage(router: PageRouter, dependencies: EndpointPagesDependencies): void {
  const { db, pages, mappedProviders } = dependencies
  const { newEndpoint } = endpointForms(mappedProviders)
  const show = async (ctx: Context, more: Pick<EndpointListProps, 'secret' | 'rejected'>, status = 200) => {
    const endpoints = await inTime(async () => withBacklogs(db, await listEndpoints(db, null)))
    await pages.show(ctx, {
      ...{ title: 'Endpoints', section: '/setup', status },
      body: (
        <EndpointList
          {...{ endpoints, projects: keyProjects(dependencies), providers: [...providers, ...mappedProviders] }}
          {...more}
        />
      ),
    })
  }

  router.get(path, endpointScopes, (ctx) => show(ctx, {}))

  router.post(path, 'endpoints', async (ctx) => {
    const form = await readForm(ctx)
    try {
      const given = parseInput(newEndpoint, settingsIn(form), 'body')
      const { row, secret } = await addEndpoint(dependencies, given, sessionOf(ctx).name)
      // For the audit log.
      ctx.state['subject'] = row.id
      await show(ctx, { secret })
    } catch (error) {
      if (!(error instanceof Problem) || error.status !== 400) throw error
      const { url = '', description = '' } = form.fields
      await show(ctx, { rejected: { why: sentenceOf(error), url, description } }, 400)
    }
  })
}

/** As a request to the API has them. */
const settingsIn = ({ fields, all }: Awaited<ReturnType<typeof readForm>>) => ({
  url: fields['url'] ?? '',
  description: fields['description'] || null,
  eventTypes: all.getAll('event'),
  filters: {
    providers: all.getAll('provider'),
    priorities: all.getAll('priority'),
    tags: (fields['tags'] ?? '')
      .split(',')
      .map((tag) => tag.trim())
      .filter(Boolean),
  },
  project: fields['project'],
})

const sentenceOf = ({ extras, message }: Problem): string => {
  const [first] = extras.errors ?? []
  return first ? `${first.path}: ${first.message}.` : `${message}.`
}
