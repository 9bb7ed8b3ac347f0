/** The mailboxes that are read by IMAP: a workflow for each, which looks into it again and again. The database has the cursor. */
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common'
import {
  continueAsNew,
  ParentClosePolicy,
  proxyActivities,
  setCurrentDetails,
  sleep,
  startChild,
  WorkflowIdReusePolicy,
  workflowInfo,
} from '@temporalio/workflow'
import type { MailboxActivities } from '../activities/mailbox-activities.ts'

const { configuredMailboxes } = proxyActivities<Pick<MailboxActivities, 'configuredMailboxes'>>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '5 seconds', maximumInterval: '1 minute' },
})

/** Without a heartbeat for so long, its worker is gone: another one goes on from the cursor. No answer of a mail server takes longer. */
const { readMailbox: read } = proxyActivities<Pick<MailboxActivities, 'readMailbox'>>({
  startToCloseTimeout: '30 minutes',
  heartbeatTimeout: '90 seconds',
  // Until it can be read: the failure is pending in the Web UI meanwhile, and the worker's watch raises the incident.
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
})

export interface MailboxInput {
  readonly mailbox: string
  /** Of the runs that this one continues. */
  readonly mails?: number
  readonly received?: number
}

/** Reads one mailbox until it is no longer configured. */
export async function readMailbox({ mailbox, mails = 0, received = 0 }: MailboxInput): Promise<void> {
  const sum = { mails, received }
  for (;;) {
    setCurrentDetails(`${mailbox}: ${sum.mails} mails read, ${sum.received} new events in them`)
    const done = await read({ mailbox })
    if (done.nextInMs === null) return
    sum.mails += done.mails
    sum.received += done.received
    if (workflowInfo().continueAsNewSuggested) await continueAsNew<typeof readMailbox>({ mailbox, ...sum })
    if (done.nextInMs > 0) await sleep(done.nextInMs)
  }
}

/** Starts the workflow `mail/<name>` of each mailbox, where none is running. @returns those that it started. */
export async function serveMailboxes(): Promise<{ started: string[] }> {
  const started: string[] = []
  for (const mailbox of await configuredMailboxes()) {
    try {
      await startChild(readMailbox, {
        workflowId: `mail/${mailbox}`,
        args: [{ mailbox }],
        // They go on when this run has ended.
        parentClosePolicy: ParentClosePolicy.ABANDON,
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
        staticSummary: `Reads the mailbox ${mailbox}`,
      })
      started.push(mailbox)
    } catch (error) {
      if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error
    }
  }
  return { started }
}
