/** Rules on phrases about a full mailbox. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

/** What is full. */
const holder = '(mail ?-?box|mail ?folder|inbox|folder|account|maildir|maildrop|users?|recipient|quota|box)'

const full = [
  '(?<!not )full',
  'over[- ]?(the |its |their |his )?(allowed |storage )?quota',
  'out of (storage|space|disk)',
  'over (the |its )?(maximum|allowed|size|storage|limit)',
].join('|')

export const mailboxFullRules: readonly FailureRule[] = [
  {
    id: 'text.full',
    source: `${sources.rfc3463} X.2.2; ${sources.kumomta}`,
    reason: 'mailbox_full',
    isFinal: false,
    text: phrases`
      ${holder}('s)?( <?\[address\]>?)?( (mailbox|account|inbox|quota|storage))?( for \S+)? (is |are |has |was )?(currently |temporarily |too |now |already )*(${full})
    `,
  },
  {
    id: 'text.full.quota',
    source: `${sources.rfc3463} X.2.2; ${sources.kumomta}`,
    reason: 'mailbox_full',
    isFinal: false,
    text: phrases`
      over[- ]?quota
      \bout of quota
      quota (has been |is |was )?(exceeded|violation|exceed|reached|limit (reached|exceeded))
      (exceed(s|ed|ing)?|over|exhausted|out of|reached|above|beyond)( (the|its|their|his|your|allowed|maximum|mailbox|disk|storage|user'?s?|account|recipient'?s?|email))* (quota|storage|disk space|mailbox (size|limit))
      exceeded storage allocation
      storage (quota|limit|space|allocation)
      disk ?(space )?quota
      (mailbox|maildir|inode|blocks|mail ?box size) (storage )?(limit|size)( limit)? (is |was |has been )?exc?eed?ed
    `,
  },
  {
    id: 'text.full.words',
    source: `${sources.rfc3463} X.2.2; ${sources.european}`,
    reason: 'mailbox_full',
    isFinal: false,
    text: phrases`
      full (mail ?box|inbox)
      mail ?box full
      too many (messages|mails) (on the server|in (the |this )?(mail ?box|inbox))
      (not enough|insufficient|no more|no) (storage |disk |free )?(space|storage|room)( left)? (in|for|on|available in) (the |this |recipient'?s? )?(user|mailbox|recipient|account)
      mailbox (size )?limit exc?eed?ed
      would exceed (the )?(mailbox|quota)
      (mailbox|inbox|account|user) (\S+ )?(space|storage) (is )?(not enough|full|exhausted|insufficient)
      (mailbox|user|account)s? (\S+ )?(has )?exceed(s|ed) (the |its |their )?(allowed|maximum|max|size|limit)
      (does not|doesn'?t) have (enough|sufficient|any) (disk |storage |free )?(space|storage|room)
      (not able|unable) to (receive|accept) (any )?(more|additional) (e?-?mail|messages)
      running out of (disk |storage )?space
      (inbox|mail ?box|account) has reached (its|the) (\w+ )?(limit|quota|maximum|capacity)
      dis[ck] quota
    `,
  },
]
