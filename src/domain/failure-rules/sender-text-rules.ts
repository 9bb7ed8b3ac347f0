/** Rules on phrases about the sender: authentication, blocks, content. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const senderTextRules: readonly FailureRule[] = [
  {
    id: 'text.greylisted',
    source: `${sources.rfc6647}; ${sources.exim}; ${sources.postfix}`,
    reason: 'greylisted',
    isFinal: false,
    text: phrases`
      gr[ea]y-? ?list
      postgrey
      please (re)?try again in \[amount\]
      triplet
      first (time|attempt) (from|delivery|seen)
      not yet (authori[sz]ed|accepted).{0,20}(try|retry|deliver)
      temporarily deferred, please (re)?try
      delaying (unknown|new) sender
      try again in a few
    `,
  },
  {
    id: 'text.spam.url',
    source: `${sources.kumomta}; ${sources.cloudmark}`,
    reason: 'spam_content',
    text: /urls? in (?:this|the|your) (?:e?-?mail|message)|(?:message|mail|body) contains? .{0,30}(?:url|link|domain).{0,40}(?:listed|block)/,
  },
  {
    id: 'text.list',
    source: `${sources.postfix} reject_rbl_client; ${sources.kumomta}; ${sources.crisp}`,
    reason: 'blocked_list',
    line: phrases`
      \bblock(ed)? (by|using|at|in) \S+\.[a-z]{2,}
      \bblock(ed)? (by|using|at|in) (ivmsip|barracuda|cloudmark)
      \b(spamhaus|spamcop|sorbs|uceprotect|barracudacentral|abuseat|surbl|uribl|psbl\.|njabl|mailspike|invaluement|dnsbls?|rbls?|rhsbl|dnswl|hostkarma|junkemailfilter|realtime block|ivmsip|0spam)\b
      black-? ?list
      block-? ?list
      deny-? ?list
      blocklisting
      blacklisting
      \blisted (in|at|on|by) (the )?(\S+\.\S+|\S*(spam|rbl|dnsbl)\S*|\S+ \S+ list)
      \bblack (ip|mail address|domain)\b
      is (currently )?listed (in|on|at|by) (?!(the )?(directory|public name))
      client host .{0,30}blocked using
      on (a|our|the) (block|black) ?list
    `,
  },
  {
    id: 'text.authentication',
    source: `${sources.rfc7372}; ${sources.google}; ${sources.kumomta}`,
    reason: 'authentication',
    text: phrases`
      \bdmarc\b
      \bdkim\b
      domain ?keys
      \bspf\b(?! domain)
      sender policy framework
      sender ?id\b
      \barc (validation|seal|chain)
      unauthenticated (e?-?mail|sender|message)
      (e?-?mail|message|sender|it) (is |was )?(not |un)authenticated
      authentication (checks?|results?|fail)
      fails? authentication
      verify your identity
      spoof(ed|ing)?\b
      forged
      5322\.from
      \[ip\] is not allowed to send
    `,
  },
  {
    id: 'text.reverse-dns',
    source: `${sources.rfc7372} X.7.25; ${sources.rackspace}; ${sources.postfix}`,
    reason: 'authentication',
    text: phrases`
      reverse[- ]dns
      \brdns\b
      \bptr\b
      cannot find your (reverse )?hostname
      reverse (lookup|hostname|host ?name|mapping|address)
      \bfcrdns\b
      hostname (lookup|verification)
      (can ?not|could not|unable to|doesn'?t|does not|failed to) (find |resolve ?|verify |lookup )(your |the )?(host ?name|client|hello|helo|ip|reverse)
      no (host ?name|dns name) for
      helo (command rejected|name|hostname|argument|domain)
      ehlo (name|hostname|argument)
      need fully-?qualified hostname
      (invalid|bad) (helo|ehlo)
      dynamic(ally)?[- ](assigned )?(ip|dns|address|pool|client)
      generic (reverse|rdns|ptr|hostname)
      unresolvable (client|host)
      (ip|host|hostname|client) must (resolve|have)
      domain may not exist or dns check failed
    `,
  },
  {
    id: 'text.sending-account',
    source: `${sources.european}: the account that sends`,
    reason: 'provider_refused',
    text: phrases`
      sending (for|from|by|of) (this|your) (account|user|mailbox)
      (account|user|mailbox) (\S+ )?(is |has been |was )?(not (allowed|permitted)|disabled|blocked|suspended|prohibited) (to|from|for) send(ing)?
    `,
  },
  {
    id: 'text.bad-sender',
    source: `${sources.rfc3463} X.1.7, X.1.8; ${sources.postfix}; ${sources.kumomta}; ${sources.yahoo}`,
    reason: 'bad_sender',
    text: phrases`
      sender (address|domain|verify|verification|e?-?mail)?( \[address\])?:? ?(is |was |callout |does |has )*(rejected|fail(ed)?|unknown|not exist|not found|resolve fail|invalid|denied|refused|blocked|not (allowed|valid|verified|accepted|authori[sz]ed)|not resolve|has no|no (a|mx)|rejected)
      (invalid|bad|unknown|unauthori[sz]ed|unverified|illegal|malformed|blocked) (envelope )?(sender|return[- ]?path|from (address|header|domain|field)|mail from|reverse-path|bounce address)
      unresolvable (rfc\.?5321 |sender |from )*(from )?domain
      domain of (the )?(sender|\[address\]).{0,20}(not|resolve)
      domain of sender address
      (envelope )?sender domain
      sender denied
      senderfilter
      sender has no
      from:? (header|address) .{0,40}(invalid|not allowed|rejected|does not)
      (mail|return) ?from .{0,30}(rejected|refused|not allowed)
      null sender
      fake sender
      mail ?from address must be
      sender('s)? mx (record )?(is )?not allowed
      sender (does ?n[o']t|do not) match
      mail ?from\b.{0,60}(mismatch|not match|does not|failed|rejected|invalid)
      verify (mail ?from|sender)
      bounces? (are )?not accepted
      block-?send-?er
      reject(ed)? sender
      this sender
      not accepting (mail|messages) from (this|your|that)
    `,
  },
  {
    id: 'text.reputation',
    source: `${sources.yahoo}; ${sources.european}; ${sources.cloudmark}; ${sources.kumomta}`,
    reason: 'blocked_reputation',
    text: phrases`
      reputation
      (?<!\bto )(client|your|sending|remote|connecting|this|the sender'?s?|sender'?s?|source|originating|outbound) ?(mail |smtp |sending |host'?s? )?(ip|ips|host|server|network|address|mta|machine|domain|isp|connection|system|ip address|subnet)( \S{1,40})? (is |has been |was |are |have been |is not |has )*(blocked|banned|refused|denied|rejected|not (allowed|permitted|accepted|welcome|authori[sz]ed|whitelisted)|restricted|rejected|untrusted|suspicious|bad)
      (blocked|banned|refused|denied|rejecting|rejected) (ip|host|client|server|connection|network|sender'?s? ip)\b
      \[ip\].{0,30}((is |has been |was )(blocked|banned|refused|denied|rejected|not allowed)|blocked|banned)
      (connections?|messages?|mail|emails?) (will not be |are not |is not |not )(be )?accepted from (\[ip\]|your|this (ip|host|server|network))
      client host rejected
      your ip (or \S+ address )?blocked
      (bad|invalid|black|blocked) ip\b
      ip[=:]\[ip\]
      connections? (attempt )?(from|by) .{0,60}(rejected|refused|denied|blocked|not (allowed|permitted|accepted))
      (mail|messages?|e-?mails?) from \[ip\].{0,40}(rejected|refused|denied|blocked|not (allowed|permitted|accepted))
      your (country|region|location|network|provider|isp)\b
      geo-?(ip|graph\w*|location|block\w*)
      your access (to|has)
      not (allowed|permitted|authori[sz]ed) to connect
      access denied.{0,40}\[ip\]
      (unsolicited|bulk) (bulk )?(mail|e-?mail|messages?) (from|has been|was|is)
      (user|spam|high) complaints?
      (ip|host|server|domain|network|you|client) .{0,40}temporarily blocked
      permanently (deferred|blocked)
      service refuse
      you are not (allowed|permitted|authori[sz]ed) to (connect|send)
      blocked for (abuse|spam)
      \babus(e|ive)\b
      no smtp service
      not accept(ing|ed)? (e?-?mail|messages|connections)? ?from (your|this|dynamic|\[ip\])
      spammer
      spam (source|sender|host)
      (sends?|sending|sent) (too much )?spam
      suspicious (activity|behaviou?r)
      trustworth
      open ?(relay|proxy)
      \bip (is|in|check|was|has been) (?!on )
      will not accept delivery of this message
      too many (bounces|spams?)\b
      message denied
    `,
  },
  {
    id: 'text.spam',
    source: `${sources.crisp}; ${sources.kumomta}; ${sources.european}`,
    reason: 'spam_content',
    text: phrases`
      \b(anti-?)?spam(my|ming|s|text|assassin|score|trap)?\b
      (banned|forbidden|objectionable|inappropriate|prohibited|questionable|unacceptable|hostile|offensive) (content|word|phrase)
      content (was |is )?reject(ed)?
      \bube\b
      \bjunk ?mail\b
      \bjunk\b
      unsolicited
      \bphish(ing)?\b
      \bbulk (mail|e-?mail)
      (message|mail|content|e-?mail|header|subject|body)s? (content )?(was |is |has been |contains? )*(rejected|denied|blocked|refused|unacceptable|inappropriate|objectionable|prohibited|filtered)( (by|due to|because of|for|as))? (the )?(content|filter|its content)
      content (filter|rejected|denied|policy|restriction|unacceptable|not accepted|reject)
      mail content denied
      \bmessage filtered\b
      not accepted for policy reasons
      suspect(ed)? (message|mail)
      considered (as )?(unwanted|advert)
      (message|mail|content) looks like
      advertis
    `,
  },
  {
    id: 'text.size',
    source: `${sources.rfc3463} X.2.3, X.3.4; ${sources.rfc5321} (552)`,
    reason: 'too_large',
    text: phrases`
      (message|mail|e-?mail|attachment|header|body|content|size|line|data)s?( file)? (size |length )*(is |are |was |has |of |\[amount\] |you \w+ )*(too (large|big|long)|exceed(s|ed|ing)?(?! (the )?(quota|storage|rate))|larger than|bigger than|over (the )?(size|limit)|greater than)
      too (large|big) (message|mail|e-?mail|attachment|for)
      (size|length) limit
      maximum (allowed )?(message |mail |e-?mail |file )?(size|length)
      exceed(s|ed)? (the |our |its |maximum |max |fixed |allowed |administrative )*(message |mail |file |body )?(size|length)
      (larger|bigger|greater) than (the |our )?(current )?(system )?(limit|maximum|allowed|\[amount\])
      message too (large|big|long)
    `,
  },
]
