/** Rules on what other receivers and filters say, with codes and phrases of their own. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const receiverRules: readonly FailureRule[] = [
  // Yahoo and AOL
  {
    id: 'yahoo.no-account',
    source: sources.yahoo,
    reason: 'unknown_recipient',
    line: /user doesn'?t have a \S+ account|delivery error: dd .{0,80}(?:no such|not a valid)/,
  },
  {
    id: 'yahoo.disabled',
    source: sources.yahoo,
    reason: 'inactive_mailbox',
    line: phrases`
      \(554\.30\)
      has been disabled or discontinued
      \(#?10[12]\).{0,20}account
      not accepting (mail|messages) \(#102\)
    `,
  },
  {
    id: 'yahoo.user-rate',
    source: sources.yahoo,
    reason: 'rate_limited',
    party: 'receiver',
    line: /user is receiving mail too quickly|mailbox received too much/,
  },
  { id: 'yahoo.list', source: sources.yahoo, reason: 'blocked_list', line: /\[bl\d\d\]|because the ip is in \S+ list/ },
  {
    id: 'yahoo.deferred',
    source: sources.yahoo,
    reason: 'blocked_reputation',
    line: phrases`
      \[tss?\d+\]
      unexpected volume or user complaints
      due to user complaints
    `,
  },
  {
    id: 'yahoo.phishing',
    source: sources.yahoo,
    reason: 'spam_content',
    line: /\[ph\d\d\]/,
  },
  {
    id: 'aol.block',
    source: sources.aol,
    reason: 'blocked_reputation',
    line: /\b(?:rtr|hvu|rly|con|dyn|isp|ipt|gen):[a-z0-9]{2}\b|\bdns:nr\b/,
  },
  // Apple
  { id: 'apple.content', source: sources.apple, reason: 'spam_content', line: /\[cs\d\d\]|\[hm\d\d\]/ },
  {
    id: 'apple.private-relay',
    source: `${sources.apple}: private email relay`,
    reason: 'bad_sender',
    line: /unauthorized sender/,
  },
  {
    id: 'yandex.blocked-account',
    source: 'Yandex, support: report on non-delivery to Yandex',
    reason: 'inactive_mailbox',
    line: /policy rejection on the target address/,
  },
  {
    id: 'rambler.suspended',
    source: 'Rambler: 540',
    reason: 'inactive_mailbox',
    line: /recipient address rejected/,
    reply: /^540$/,
  },
  {
    id: 'united-internet.sender',
    source: `${sources.european}: error messages`,
    reason: 'blocked_reputation',
    line: /reject due to policy restrictions \((?:ip|domain) based\)/,
  },
  {
    id: 'united-internet.sender-domain',
    source: `${sources.european}: error messages`,
    reason: 'bad_sender',
    line: /invalid dns mx or a\/aaaa resource record/,
  },
  {
    id: 'zoho.policy',
    source: 'Zoho Mail: mail policy',
    reason: 'policy',
    line: /mailpolicy violation|mailbox delivery failure policy/,
  },
  { id: 'netease.spam', source: 'NetEase, help_spam_16', reason: 'spam_content', line: /\bdt:sp[a-z]?\b/ },
  // Filters
  {
    id: 'proofpoint.reputation',
    source: sources.proofpoint,
    reason: 'blocked_reputation',
    line: phrases`
      ipcheck\.proofpoint
      proofpoint reputation
      blocked - see https?://(ip|support)\S*(proofpoint|cloudfilter)
      \bpdr\b.{0,30}proofpoint
    `,
  },
  {
    id: 'mimecast.unknown-recipient',
    source: sources.mimecast,
    reason: 'unknown_recipient',
    line: /invalid recipient - https?:\/\/\S*mimecast/,
  },
  {
    id: 'mimecast.spoofing',
    source: sources.mimecast,
    reason: 'authentication',
    line: /anti-?spoofing (?:policy|lockout)|rejected by header[- ]based(?! manually)/,
  },
  {
    id: 'mimecast.resources',
    source: `${sources.mimecast}: its name for greylisting`,
    reason: 'greylisted',
    line: /internal resources? (?:are |is )?temporarily unavailable/,
  },
  {
    id: 'mimecast.prohibited',
    source: sources.mimecast,
    reason: 'policy',
    line: phrases`
      administrative prohibition
      envelope blocked
      manually blocked sender
      rejected by policy - https?://\S*mimecast
    `,
  },
  {
    id: 'barracuda.no-such-user',
    source: sources.cloudmark,
    reason: 'unknown_recipient',
    line: /\bcuda_nsu\b/,
  },
  {
    id: 'cloudmark.block',
    source: sources.cloudmark,
    reason: 'blocked_reputation',
    line: phrases`
      csi\.cloudmark
      cloudmark\.com/reset
      barracudacentral
      barracuda ?reputation
      senderbase
      talosintelligence
    `,
  },
  {
    id: 'rackspace.untrusted',
    source: sources.rackspace,
    reason: 'rate_limited',
    line: /too many messages from a new or untrusted ip/,
  },
  { id: 'european.orange-block', source: sources.european, reason: 'blocked_reputation', line: /\bofr_?(?:506|999)\b/ },
  { id: 'european.laposte-refused', source: sources.european, reason: 'blocked_reputation', line: /\blpn007_\d+/ },
  {
    id: 'exim.cpanel-account',
    source: `${sources.exim}; ${sources.crisp}`,
    reason: 'unknown_recipient',
    line: /account or domain may not exist, they may be blacklisted/,
  },
]
