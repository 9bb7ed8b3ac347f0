import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import proto from '@temporalio/proto'
import { TemporalRefusedError, TemporalUnavailableError, WorkflowBusyError } from '../../src/errors.ts'
import { createTemporalClient } from '../../src/temporal/connection.ts'
import { createTemporalEmailWorkflows } from '../../src/temporal/temporal-email-workflows.ts'
import { startInstance } from '../inbox/instance.ts'
import { receivedEvent } from '../received-event.ts'
import { ownTemporal, testDatabase, testTemporal } from '../stack.ts'
import { until } from '../until.ts'
import { type RefusingServer, startRefusingServer } from './refusing-server.ts'

const hourMs = 3_600_000
const policy = {
  stallAfterMs: { critical: hourMs, normal: hourMs, bulk: hourMs },
  escalationRepeatAfterMs: hourMs,
  giveUpAfterMs: hourMs,
}

function workflowsOn(address: string, namespace = 'default') {
  const client = createTemporalClient({ address, namespace, security: {} })
  return { emailWorkflows: createTemporalEmailWorkflows({ client, taskQueue: 'errors', policy }), client }
}

async function errorOf(address: string, namespace?: string, emailId: string = randomUUID()): Promise<Error> {
  const { emailWorkflows, client } = workflowsOn(address, namespace)
  try {
    await emailWorkflows.signal({ provider: 'aisend', emailId }, [], null)
    assert.fail('it was accepted')
  } catch (error) {
    assert.ok(error instanceof Error)
    return error
  } finally {
    await client.connection.close()
  }
}

/** ResourceExhaustedFailure as the server sends it beside its status. */
function exhausted(cause: number): Uint8Array {
  const failure = proto.temporal.api.errordetails.v1.ResourceExhaustedFailure.encode({ cause }).finish()
  const type = 'type.googleapis.com/temporal.api.errordetails.v1.ResourceExhaustedFailure'
  return proto.google.rpc.Status.encode({ code: 8, details: [{ type_url: type, value: failure }] }).finish()
}

describe('what Temporal answers', () => {
  let server: RefusingServer
  before(async () => {
    server = await startRefusingServer()
  })
  after(() => server.close())

  for (const [name, code] of Object.entries({
    PERMISSION_DENIED: 7,
    UNAUTHENTICATED: 16,
    UNIMPLEMENTED: 12,
    FAILED_PRECONDITION: 9,
  })) {
    it(`${name} is a refusal of all our calls, with Temporal's message and what to check`, async () => {
      server.answer(code, 'Request unauthorized')
      const error = await errorOf(server.address)
      assert.ok(error instanceof TemporalRefusedError, error.name)
      assert.match(error.message, /^Temporal refused: Request unauthorized\. Check /)
    })
  }

  it('NOT_FOUND for a workflow can be retried: the same call starts it', async () => {
    server.answer(5, 'workflow not found')
    const error = await errorOf(server.address)
    assert.ok(error instanceof TemporalUnavailableError && !(error instanceof TemporalRefusedError))
  })

  it('for a missing namespace is a refusal of all our calls', async () => {
    const error = await errorOf(await testTemporal(), 'no-such-namespace')
    assert.ok(error instanceof TemporalRefusedError, error.name)
    assert.match(error.message, /no-such-namespace.*TEMPORAL_NAMESPACE/)
  })

  it('for a missing search attribute is a refusal of all our calls, although the status is INVALID_ARGUMENT', async () => {
    const temporal = await ownTemporal({ searchAttributes: [] })
    const error = await errorOf(temporal.address)
    assert.ok(error instanceof TemporalRefusedError, `${error.name}: ${error.message}`)
    assert.match(error.message, /search attribute.*npm run migrate/i)
    await temporal.stop()
  })

  it('for a workflow ID that is too long is an error of this call only', async () => {
    const error = await errorOf(await testTemporal(), 'default', 'x'.repeat(1_100))
    assert.equal(error instanceof TemporalUnavailableError, false)
  })

  it('for a busy workflow concerns that one alone; other limits concern all calls', async () => {
    const { RESOURCE_EXHAUSTED_CAUSE_BUSY_WORKFLOW: busy, RESOURCE_EXHAUSTED_CAUSE_RPS_LIMIT: rate } =
      proto.temporal.api.enums.v1.ResourceExhaustedCause
    server.answer(8, 'Too many restarts for workflow', exhausted(busy))
    assert.ok((await errorOf(server.address)) instanceof WorkflowBusyError)
    server.answer(8, 'namespace rate limit exceeded', exhausted(rate))
    const limited = await errorOf(server.address)
    assert.equal(limited.name, 'TemporalUnavailableError')
  })

  it('is counted and shown while it is a refusal, and no event is quarantined however long it lasts', async () => {
    server.answer(7, 'Request unauthorized')
    const database = await testDatabase()
    const { emailWorkflows, client } = workflowsOn(server.address)
    const { inbox, metrics, close } = startInstance(database.url, emailWorkflows)
    await inbox.append(['a', 'b'].map((id) => receivedEvent({ id, emailId: id })))
    const failures = async () => (await metrics.signalFailuresTotal.get()).values[0]?.value ?? 0
    await until(async () => (await failures()) >= 1)
    // As after many attempts.
    await database.db.$executeRaw`UPDATE events SET attempts = 50`
    await until(async () => (await failures()) >= 4)
    const { state, detail } = inbox.temporalStatus()
    assert.deepEqual([state, /unauthorized/.test(detail ?? '')], ['refused', true])
    assert.equal(await database.db.event.count({ where: { quarantinedReason: null } }), 2)
    await close()
    await client.connection.close()
    await database.drop()
  })
})
