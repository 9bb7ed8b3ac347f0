/** Rules on what Google and Microsoft say. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const googleAndMicrosoftRules: readonly FailureRule[] = [
  // Google: the topic at the end of its help links is stable, while the sentences change.
  {
    id: 'google.no-such-user',
    source: sources.google,
    reason: 'unknown_recipient',
    line: /[?&]p=(?:nosuchuser|baduser)/,
  },
  { id: 'google.disabled', source: sources.google, reason: 'inactive_mailbox', line: /[?&]p=disableduser/ },
  {
    id: 'google.full-and-inactive',
    source: sources.google,
    reason: 'inactive_mailbox',
    isFinal: true,
    line: /[?&]p=overquotaperm|out of storage space and inactive/,
  },
  { id: 'google.full', source: sources.google, reason: 'mailbox_full', isFinal: false, line: /[?&]p=overquota/ },
  {
    id: 'google.receiving-rate',
    source: sources.google,
    reason: 'rate_limited',
    party: 'receiver',
    line: /[?&]p=receivingrate|user you are trying to contact is receiving mail (?:at a rate|too quickly)/,
  },
  {
    id: 'google.unsolicited-rate',
    source: sources.google,
    reason: 'rate_limited',
    line: /[?&]p=unsolicitedratelimit|unusual rate of unsolicited mail/,
  },
  {
    id: 'google.reputation',
    source: sources.google,
    reason: 'blocked_reputation',
    line: phrases`
      very low reputation
      [?&]p=unsolicitedip
      ip not in whitelist for rcpt domain
      not authorized to send e?mail directly to our servers
    `,
  },
  {
    id: 'google.unsolicited',
    source: sources.google,
    reason: 'spam_content',
    line: phrases`
      likely (suspicious|unsolicited mail)
      [?&]p=(unsolicitedmessage|blockedmessage)
    `,
  },
  {
    id: 'google.policy',
    source: sources.google,
    reason: 'policy',
    line: phrases`
      violates .{0,60}(email )?policy
      \bgcdp\b
      email account that you tried to reach is not (allowed|permitted)
    `,
  },
  // Microsoft: RESOLVER, STOREDRV and TRANSPORT texts, and (S…) codes of Outlook.com.
  {
    id: 'microsoft.full',
    source: sources.microsoft,
    reason: 'mailbox_full',
    isFinal: false,
    line: phrases`
      quotaexceeded
      mailbox is full; storedrv
      recipienttotalquota
      submissionquotaexceeded.{0,20}mailbox
    `,
  },
  {
    id: 'microsoft.recipient-not-found',
    source: sources.microsoft,
    reason: 'unknown_recipient',
    line: phrases`
      resolver\.adr\.(recip|exrecip)
      recipient(notfound| not found) by smtp address lookup
      resolver\.adr\.invalidinsmtp
    `,
  },
  {
    id: 'microsoft.directory-block',
    source: `${sources.microsoft}: Directory-Based Edge Blocking`,
    reason: 'unknown_recipient',
    line: /recipient address rejected: access denied/,
    enhanced: /^5\.(?:4\.1|1\.4|1\.1|1\.10)$/,
  },
  {
    id: 'microsoft.mailbox-disabled',
    source: sources.microsoft,
    reason: 'inactive_mailbox',
    line: /storedrv\.deliver.{0,60}(?:mailbox disabled|account disabled|recipient ?unavailable)|mailboxdisabled/,
  },
  {
    id: 'microsoft.restricted',
    source: sources.microsoft,
    reason: 'policy',
    line: phrases`
      resolver\.rst\.
      notauthorized
      authrequired
      restrictedtorecipients
      recipient restrictions
      restricted so that only
      only accept(s)? (messages|mail|email) from (people|senders|members|specific)
    `,
  },
  {
    id: 'microsoft.tenant-rate',
    source: sources.microsoft,
    reason: 'rate_limited',
    line: phrases`
      tenant has exceeded threshold
      exceeded (its|the) (sending|message|recipient) limit
      server busy\. please try again later from
      exceeded the rate limit
    `,
  },
  {
    id: 'microsoft.rate-by-reputation',
    source: sources.microsoft,
    reason: 'blocked_reputation',
    line: /temporarily rate limited due to ip reputation/,
  },
  {
    id: 'microsoft.block-list',
    source: sources.microsoft,
    reason: 'blocked_list',
    line: phrases`
      \(s3(140|150)\)
      part of their network is on our block ?list
      banned sending ip
      blocked using (the )?customer block list
    `,
  },
  {
    id: 'microsoft.banned-sender',
    source: sources.microsoft,
    reason: 'blocked_reputation',
    line: phrases`
      access denied, (traffic not accepted from this ip|banned sender|spam abuse|sending domain .{0,40}banned)
      bad outbound sender
      address has been blocked due to
    `,
  },
  {
    id: 'microsoft.tenant-unknown',
    source: sources.microsoft,
    reason: 'relay_denied',
    line: phrases`
      tenantattribution
      tenantinboundattribution
      relay access denied smtp
    `,
  },
  {
    id: 'microsoft.tenant-not-found',
    source: `${sources.microsoft}; ${sources.kumomta}`,
    reason: 'unknown_domain',
    line: /tenant or domain not found/,
  },
]
