/** Rules on phrases about the recipient's mailbox, address or domain, whichever server says them. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

/** A mailbox or its owner, as servers name them. */
const user =
  '(?:user|recipient|mail-?box|account|address(?:ee)?|e-?mail|rcpt|local ?part|customer|person|destination|alias|box|id|name|inbox|mail ?drop)'
const owner = '(?:user|recipient|mail ?-?box|account|address(?:ee)?|customer|alias|inbox)'
const missing = `(?:unknown|not (?:been |be )?found|not exist(?:ing)?|(?:does|do|did|is) ?n[o']?t (?:exist|be found)|doe?sn'?t exist|no longer exists?|non-?exist[ae]nt|inexistent|not (?:a )?(?:known|valid|recogni[sz]ed)|unrecogni[sz]ed|not registered|not listed)`
const gone = `(?:disabled|inactive|suspended|deactivated|closed|terminated|cancell?ed|expired|locked|frozen|discontinued|dormant|deleted|removed|abandoned|not active(?:ted)?|not activated|no longer (?:active|in use|valid|available|used|monitored))`

export const recipientTextRules: readonly FailureRule[] = [
  {
    id: 'text.moved',
    source: `${sources.rfc5321} (251, 551)`,
    reason: 'recipient_moved',
    isFinal: true,
    text: phrases`
      (user|recipient|mailbox|account|address|person|he|she) (\S+ )?has (moved|left|changed)
      no longer (works?|employed|with (us|the company|this company)|at this (company|address|organi[sz]ation|domain))
      new (e-?mail )?address is
      moved to (a )?new address
      please (try|use) (the )?(new|following) address
      user not local.{0,10}please try
      has left the (company|organi[sz]ation|university)
      old (e-?mail )?address
    `,
  },
  {
    id: 'text.inactive',
    source: `${sources.rfc3463} X.2.1; ${sources.crisp}`,
    reason: 'inactive_mailbox',
    text: new RegExp(
      String.raw`\b${owner}(?: \[address\]|: \[address\])?(?: (?:of|for) \S+)?(?: (?:that )?you (?:\w+ ){0,4}reach)?(?:,| -)? (?:is |has |was |have |been |currently |temporarily |permanently |either |marked |invalid or |as )*${gone}\b`,
    ),
  },
  {
    id: 'text.inactive.words',
    source: `${sources.rfc3463} X.2.1; ${sources.kumomta}; ${sources.sendmail}`,
    reason: 'inactive_mailbox',
    text: phrases`
      \[address\]>? is no longer (valid|active|in use|used|available)
      recipient (address )?rejected: ?(inactive|disabled|suspended|expired|closed)
      \b(disabled|inactive|suspended|closed|expired|deactivated|locked|frozen) (user|mail ?box|account|recipient|address)
      account (\S+ )?(is |was )?(temporarily )?(disabled|suspended|closed)
      mail ?box .{0,40}(is |has been |was )(disabled|inactive|suspended|closed|locked)
      address (\[address\] )?no longer accepts? (e?-?mail|messages)
      no longer (on server|receives?)
      not (currently )?accepting (any )?(new )?(e?-?mails?|messages) (at the moment|any ?more)
      requires an upgrade to enhanced protection
      does not (currently )?receive (e?-?mail|messages) any ?more
      account is disabled
      (account|mail ?box) (\S+ )?(is |has been |was )(currently |temporarily )?blocked
      administrative(ly)? disabled
      (user|mail ?box|recipient|account) (\S+ )?(is )?(currently )?not (currently )?accepting (e?-?mail|messages)(?! from)
      never logged (on|in)
      no longer (accept(s|ing)?|receiv(es|ing)) (any )?(e?-?mail|messages)
      no longer us(es|ing) this (account|address|mailbox)
      (is|was|has been) (now |currently |temporarily )?(disabled|deactivated|inactivated|suspended) (with|on|at|by|in|due|because)
      this account is not allowed
      not (currently )?(being )?accepted (for|by) (this|the) (mailbox|user|account|recipient)
      mail receiv\w+ (is )?disabled
      \bis a? ?(deactivated|disabled|inactive|suspended) (mailbox|account|user)
      unable to accept (e?-?mail|messages) for this (user|account)
    `,
  },
  {
    id: 'text.null-mx',
    source: sources.rfc7504,
    reason: 'unknown_domain',
    isFinal: true,
    text: phrases`
      null ?-?mx
      (domain|host) (\S+ )?does not (accept|receive) (any )?(e?-?mail|messages)
      server does not accept mail
    `,
  },
  {
    id: 'text.dns-temporary',
    source: `${sources.rfc3463} X.4.3; ${sources.postfix}`,
    reason: 'connection_failed',
    isFinal: false,
    text: phrases`
      host not found, try again
      servfail
      temporary failure in name resolution
      temporary (dns|name|lookup|resolution)
    `,
  },
  {
    id: 'text.unknown-domain',
    source: `${sources.rfc3463} X.1.2; ${sources.postfix}; ${sources.sendmail}; ${sources.qmail}`,
    reason: 'unknown_domain',
    text: phrases`
      (host|domain)( or domain)?( name)?( \S+)?,? (is |does |was |could |can ?)*(unknown|not (be )?found|not exist|no longer exists|invalid|not resolve|not valid|inexistent)
      unknown (host|domain|mail domain)
      no such (domain|host)
      non-?existent (domain|host)
      nxdomain
      bad (destination )?(domain|host|system)
      invalid (domain|host)
      couldn'?t find any host
      name or service not known
      name service error .{0,80}not found
      no (valid )?(mx|mail exchange\w*)( records?| host)? (for|found|or a|exist|available)
      no mx\b
      no address associated with
      no (dns|name ?server) (entry|entries|records?)
      no route found to domain
      dns records? .{0,60}not be found
      dns domain \S+ does not exist
      find the recipient domain
      all relevant mx records point to non-?existent hosts
      mail server for \S+ unreachable
      unrouteable (mail )?domain
      bad destination system
      domain (is )?not (hosted|handled|served|local) (here|by)
    `,
  },
  {
    id: 'text.bad-address',
    source: `${sources.rfc3463} X.1.3, X.1.4; ${sources.rfc5321} (553)`,
    reason: 'bad_address',
    text: phrases`
      (bad|invalid|incorrect|illegal|malformed) (recipient |destination |mailbox |e?-?mail |rcpt )*address(es)? (syntax|format)
      (bad|invalid) (recipient|rcpt|to) (address )?syntax
      is not a valid rfc-?\d* address
      address reserved by rfc
      user address required
      not unique|several matches found
      (recipient|rcpt|mailbox|address) (\S+ )?syntax error
      syntax error in (the )?(recipient|mailbox|address|rcpt)
      mailbox name (is )?(not allowed|invalid)
      (malformed|illegal|ambiguous) (recipient|address|mailbox|destination)
      address (\S+ )?(is )?ambiguous
      address is (malformed|not rfc)
      domain missing or malformed
      (must|need) (contain|have) a (domain|fully[- ]qualified) (address|recipient)
      recipient address rejected: need fully-qualified
    `,
  },
  {
    id: 'text.unknown-user',
    source: `${sources.rfc3463} X.1.1; ${sources.postfix}; ${sources.kumomta}; ${sources.crisp}`,
    reason: 'unknown_recipient',
    text: new RegExp(
      String.raw`\b${user}s?(?:'s)?[\])]?(?: address)?:? ?(?:\[address\]|"[^"]{1,64}"|'[^']{1,64}'|\([^)]{1,64}\)|<[^>]{0,64}>|\S{1,64})?[\])>:]* ?(?:does |is |was |seems |could |can ?|are |has |you entered |you (?:\w+ ){0,5}|appears |to be |either |or |probably )*${missing}`,
    ),
  },
  {
    id: 'text.no-such-user',
    source: `${sources.kumomta}; ${sources.crisp}; ${sources.sendmail}; ${sources.qmail}`,
    reason: 'unknown_recipient',
    text: new RegExp(
      String.raw`\b(?:no such|unknown|non-?exist[ae]nt|unrecogni[sz]ed|undefined|inexistent|invalid|bad|not (?:a )?valid|incorrect|no valid|unrout(?:e)?able|unreachable|no) (?:or (?:inactive|disabled) |local |virtual |destination |internal |final |mail |e-?mail |smtp |recipient |rcpt |to )*${user}s?\b(?! syntax| format)`,
    ),
  },
  {
    id: 'text.unknown-user.words',
    source: `${sources.qmail}; ${sources.groupware}; ${sources.exim}; ${sources.kumomta}`,
    reason: 'unknown_recipient',
    text: phrases`
      mail-?box (here )?by that name
      (invalid|unknown|non-?existent)[-_](recipient|user|mailbox|address)
      (address|recipient|mailbox|user) (is )?(marked|flagged|listed|known) as (invalid|unknown|non-?existent)
      not in (the |our )?(recipient|user|address) list
      user[_ ]?not[_ ]?(exist|found|known)
      not our customer
      not a local (address|user|mailbox)
      not listed in (public )?(name|domino|address|directory)
      unable to (deliver to|find|locate|verify) (the )?(recipient|user|mailbox)
      unknown (local|virtual|to) (part|user|address|recipient)
      unknown local.?part
      not (a|an) (known|valid|existing|registered|active|local) (user|recipient|mailbox|account|address|e-?mail)
      not configured to receive
      has no (mailbox|account)
      (could not|couldn'?t|cannot|can'?t) deliver (mail|message|it)? ?to (this|the|that) (user|recipient|mailbox|address)
      i cannot deliver mail for
      mailbox (\S+ )?(not found|not available at this)
      (recipient|address) (\S+ )?not in (the )?(directory|address ?book|list)
      does ?n[o']?t have an? (\S+ )?(account|mailbox)
      not have an account here
      no mailbox (here|found)
      no account by
      (could not|couldn'?t|cannot|can'?t) (be )?(find|found|resolve|verify) (the )?(user|recipient|mailbox|address)
      unable to add .{0,40}because host
      dosn'?t exist
      does not exist (here|at)
      does not like recipient
      user[_ ]unknown
      addressee unknown
      recipient (is )?unrecogni[sz]ed
      wasn'?t found at
      not reach the following recipient
      unavailable to take delivery
      not found in (the |our )?(\w+ )?(ldap|directory|database|server)
      address you entered could ?n[o']?t be found
    `,
  },
  {
    id: 'text.unrouteable',
    source: sources.exim,
    reason: 'unknown_recipient',
    text: phrases`
      unrout(e)?able (mail )?address
      address (is )?unrout(e)?able
      unable to route to (recipient|user|address)
    `,
  },
]
