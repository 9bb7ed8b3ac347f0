/**
 * What a failure means in plain words, for people who answer customers: what is the matter, and what to do about it. A table: one
 * entry per reason, and one per reason and party where another party changes the meaning.
 */
import { type FailureParty, type FailureReason, failureReasons } from './failure.ts'

/**
 * How far a failure has come. `trying`: the provider still tries. `over`: that email will not arrive. `suppressed`: besides, the
 * address is on the suppression list for it.
 */
export type FailureStage = 'trying' | 'over' | 'suppressed'

interface Advice {
  /** A clause in the present tense. `{since}` is where a text like `since 3 days` belongs. */
  readonly what: string
  /** What to do, by stage. Without an entry, what the party's failures need. */
  readonly todo?: Partial<Record<FailureStage, string>>
}

const againBySelf = 'the email is tried again by itself'
const takeOff = 'take them off the suppression list'
const blameless = `it was not their fault: ${takeOff}`
const arrived = 'the email arrived, and there is nothing to fix'
const otherAddress = 'ask them in another way for an address that works'

/** By the party that must act. */
const todoByParty: Readonly<Record<FailureParty, Readonly<Record<FailureStage, string>>>> = {
  recipient: {
    trying: `nothing to fix on your side: ${againBySelf}`,
    over: `nothing to fix on your side: ${otherAddress}`,
    suppressed: `nothing more is sent to this address: ${otherAddress}`,
  },
  sender: {
    trying: `${againBySelf}, but your technical team must fix the cause`,
    over: 'your technical team must fix the cause, and then send it again',
    suppressed: `${blameless}, and have your technical team fix the cause`,
  },
  receiver: {
    trying: `nothing to fix on your side: ${againBySelf}`,
    over: 'nothing to fix on your side: ask them to tell whoever runs their mail, and send it again',
    suppressed: `${blameless}, and send it again`,
  },
  provider: {
    trying: `${againBySelf}, and your technical team can ask the provider why`,
    over: 'your technical team must ask the provider why, and then send it again',
    suppressed: `${blameless}, and have your technical team ask the provider`,
  },
  unknown: {
    trying: `wait: ${againBySelf}`,
    over: 'send it again, and ask them in another way if that fails too',
    suppressed: `ask them whether the address is right, and if it is, ${takeOff}`,
  },
}

const ofReason: Readonly<Record<FailureReason, Advice>> = {
  unknown_recipient: {
    what: 'Their mail server says {since} that this address does not exist',
    todo: { trying: `${againBySelf}, but ask them whether the address is spelled right` },
  },
  inactive_mailbox: { what: 'Their mailbox is closed or not in use {since}' },
  mailbox_full: {
    what: 'Their mailbox is full {since}',
    todo: {
      trying: `nothing to fix on your side: ask them to make room, and ${againBySelf}`,
      over: 'nothing to fix on your side: ask them to make room, and then send it again',
      suppressed: `nothing to fix on your side: ask them to make room, and then ${takeOff}`,
    },
  },
  recipient_moved: {
    what: 'Their mail server says {since} that they have moved to another address',
    todo: {
      over: 'nothing to fix on your side: ask them in another way for the new address',
      suppressed: 'nothing more is sent to this address: ask them in another way for the new one',
    },
  },
  unknown_domain: {
    what: 'The part after the @ of their address accepts no mail {since}',
    todo: { trying: `${againBySelf}, but ask them whether the address is spelled right` },
  },
  bad_address: {
    what: 'Their address is refused as misspelled {since}',
    todo: {
      trying: 'ask them in another way how the address is spelled',
      over: 'ask them in another way how the address is spelled',
      suppressed: 'nothing more is sent to it: ask them in another way how the address is spelled',
    },
  },
  blocked_reputation: { what: 'Their mail service blocks you as a sender {since}' },
  blocked_list: {
    what: 'Their mail service refuses your emails {since}, because a public block list names your server',
  },
  authentication: {
    what: 'Their mail service cannot verify {since} that your emails are from you',
    todo: { over: 'your technical team must fix the settings of your email domain, and then send it again' },
  },
  bad_sender: { what: 'Their mail service does not accept your sender address {since}' },
  spam_content: {
    what: 'Their mail service takes your emails for spam {since}',
    todo: { over: 'change the text of the email, or ask them to add you to their contacts, and then send it again' },
  },
  virus: {
    what: 'Their mail service refuses an attachment or a link of your emails as dangerous {since}',
    todo: { over: 'send it again without that attachment or link' },
  },
  policy: {
    what: 'The rules of their organization refuse your emails {since}',
    todo: { over: 'nothing to fix on your side: ask them to have you allowed as a sender, and then send it again' },
  },
  too_large: {
    what: 'Their mail server refuses your emails as too large {since}',
    todo: { over: 'send it again with smaller attachments or with links' },
  },
  rate_limited: {
    what: 'Their mail service slows your emails down {since}, because you send too many in a short time',
    todo: { trying: `wait: ${againBySelf}` },
  },
  greylisted: {
    what: 'Their mail server lets your emails wait {since}, as it does with senders that are new to it',
    todo: { over: 'nothing to fix on your side: send it again' },
  },
  relay_denied: {
    what: 'The mail server of their address says {since} that it is not responsible for it',
    todo: {
      over: 'nothing to fix on your side: ask them whether the address is right, and tell whoever runs their mail',
    },
  },
  protocol_error: { what: 'Their mail server refuses your emails for a technical reason {since}' },
  connection_failed: { what: 'Their mail server cannot be reached {since}' },
  timed_out: { what: 'Their mail server does not answer in time {since}' },
  receiver_error: { what: 'Their mail server is out of order {since}' },
  provider_refused: { what: 'Your email provider refuses to send your emails {since}' },
  unsubscribed: {
    what: 'Your email provider holds emails to them back {since}, because they unsubscribed',
    todo: {
      trying: 'write to them only if they ask for it',
      over: 'write to them only if they ask for it, and let your technical team end the unsubscription then',
      suppressed: `write to them only if they ask for it, and then ${takeOff}`,
    },
  },
  automatic_reply: {
    what: 'Their mailbox replies automatically {since}, as in an absence',
    todo: { trying: arrived, over: arrived, suppressed: blameless },
  },
  unknown: { what: 'Emails to them fail {since}, and nothing says why' },
}

/** Where another party than the usual one gives the reason another meaning. */
const ofReasonAndParty: Readonly<Record<string, Advice>> = {
  'unknown/recipient': { what: 'Emails to them are refused for good {since}, and nothing says why' },
  'rate_limited/receiver': { what: 'Their mailbox gets more mail {since} than their mail service allows' },
  'provider_refused/recipient': {
    what: 'Your email provider has them on a suppression list of its own {since}',
    todo: {
      over: 'your technical team can take them off that list, if the address works again',
      suppressed: `ask them whether the address works, and if it does, ${takeOff} and the one of the provider`,
    },
  },
  'provider_refused/unknown': {
    what: 'Your email provider does not send your emails {since}, and does not say whose fault that is',
  },
  'provider_refused/sender': {
    what: 'Your email provider refuses your emails {since}, because of a fault in them or in your account',
  },
}

/** What is the matter (`{since}` stands for how long), and what to do, of each reason, party and stage. */
export function adviceFor(reason: FailureReason, party: FailureParty, stage: FailureStage) {
  const isUsual = failureReasons[reason] === party
  const own = isUsual ? ofReason[reason] : ofReasonAndParty[`${reason}/${party}`]
  return { what: (own ?? ofReason[reason]).what, todo: own?.todo?.[stage] ?? todoByParty[party][stage] }
}
