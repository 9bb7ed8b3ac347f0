/** Rules on phrases about servers, connections and policies. */
import type { FailureRule } from '../failure.ts'
import { phrases } from './phrases.ts'
import { sources } from './sources.ts'

export const serverTextRules: readonly FailureRule[] = [
  {
    id: 'text.relay',
    source: `${sources.rfc3463} X.7.1; ${sources.postfix}; ${sources.qmail}; ${sources.kumomta}`,
    reason: 'relay_denied',
    text: phrases`
      relay(ing)? (access |not |is |to \S+ |attempt |operation )*(denied|permitted|allowed|prohibited|rejected|refused|disabled|blocked|disallowed)
      not (permitted|allowed|authori[sz]ed|able) to relay
      isn'?t allowed to relay
      (unable|refus\w+|cannot|can'?t|do not|don'?t|does not|won'?t) (to )?relay
      we do( not|n'?t) relay
      no relay|\buse me .{0,60}as a relay
      list of allowed rcpt ?hosts
      rcpthosts
      not (a |an )?(local|relay|gateway)(ed)? (domain|host)
      authentication (is )?required
      smtp auth
      must (be authenticated|authenticate)
      requires authentication
      please (authenticate|log ?in)
      check for mail first
      pop before smtp
      invalid credentials
      auth(entication)? (failed|failure|unsuccessful|mechanism)
      not (configured|able|willing) to relay
      local users? only
      domain (\S+ )?(is )?not (allowed|permitted|accepted)
      unauthori[sz]ed relay
      relayed (mail|message).{0,40}not (allowed|permitted)
      \bnot a gateway
      control/locals
      third[- ]party relay
      we do not accept mail for
    `,
  },
  {
    id: 'text.loop',
    source: `${sources.rfc3463} X.4.6; ${sources.postfix}`,
    reason: 'receiver_error',
    text: phrases`
      too many (hops|received|loops)
      hop count
      mail ?loop
      loops? back
      points? back to
      looping
      (routing|forwarding) loop
      loop detected
      exceeded max(imum)? hop
      possible (mail )?loop
      could not be forwarded
    `,
  },
  {
    id: 'text.expired',
    source: `${sources.rfc3463} X.4.7; ${sources.microsoft}`,
    reason: 'timed_out',
    text: /(?:message|delivery time|delivery period) (?:has )?expired/,
  },
  {
    id: 'text.dns.unroutable',
    source: `${sources.rfc3463} X.4.4; ${sources.postfix}`,
    reason: 'unknown_domain',
    text: /(?:host|domain) (?:name )?lookup (?:failure|failed|error)/,
    enhanced: /^5\.4\.4$/,
  },
  {
    id: 'text.dns',
    source: `${sources.rfc3463} X.4.3; ${sources.postfix}`,
    reason: 'connection_failed',
    isFinal: false,
    text: phrases`
      dns (error|failure|lookup (fail|error)|timeout|server failure|temporar)
      name server (fail|timeout|error)
      (host|domain|name) (name )?lookup (failure|failed|error)
      malformed or unexpected name server reply
    `,
  },
  {
    id: 'text.connection',
    source: `${sources.rfc3463} X.4.1, X.4.2; ${sources.postfix}; ${sources.qmail}`,
    reason: 'connection_failed',
    text: phrases`
      connection (was |has been |is |to \S+ )*(refused|reset|dropped|lost|closed|failed|died|aborted|broken|failure|error)
      lost connection
      (could ?n[o']?t|can ?not|can'?t|unable to|failed to|wasn'?t able to) (be )?(connect|reach|establish|contact|open|negotiate)
      no route to host
      network (is )?unreachable
      host (is )?(unreachable|down)
      (server|host) (is )?not (responding|reachable)
      no (answer|response|reply) from
      connect(ing|ion)? to \S+ failed
      broken pipe
      connection (with|to) \S+ (is |was )?(broken|lost|closed)
      read error from
      no mail ?servers? .{0,40}(reachable|available)
      not connected to
      mx consisted solely of
      socket (error|closed)
      remote (host|server) (closed|dropped|hung)
      not respond
      connection died
      starttls
      tls (is )?(required|handshake|negotiation|not|connection|session|error|fail)
      \bssl\b
      \bcertificate\b
      mta-?sts
      \bdane\b
      encryption (is )?(required|needed)
      destination (server|host) (is )?(not|un)
    `,
  },
  {
    id: 'text.timed-out',
    source: `${sources.rfc3463} X.4.7; ${sources.postfix}`,
    reason: 'timed_out',
    text: phrases`
      timed? ?-?out
      timeout
      (message|delivery|queue) (time |lifetime )*(has |was |is )?(expired|too old)
      expir(ed|y) (time|in queue)
      exceeds the expiry
      time[- ]expired
      max(imum)? time (\w+ ){0,2}deliver
      retry (time(out)? )?(not reached|exceeded|limit)
      (in|on) (the )?queue (for )?too long
      could not be delivered for (more than )?(\d|\[amount\])
      no longer retr
      maximum retr
      retries exhausted
      too many (retries|attempts)
      unable to deliver (this )?message (after|for)
      has been in the queue
    `,
  },
  {
    id: 'text.receiver-error',
    source: `${sources.rfc5321} (451, 452); ${sources.rfc3463} X.3.x; ${sources.sendmail}`,
    reason: 'receiver_error',
    text: phrases`
      insufficient (system |disk |server )*(storage|space|resources?|memory)
      (system|server|disk|file system|filesystem|partition) (is )?full
      no space left
      out of (memory|disk)
      (internal|system|local|server|configuration|software|unexpected|unknown mailer|database|lookup|processing|ldap|i/o|io) (server |system |processing |configuration )*(error|failure|problem|fault|trouble)
      misconfigur(ed|ation)
      (incorrectly|not properly|not correctly) configured
      temporar(y|ily) (local |system |server |lookup |internal |service )*(problem|failure|error|unavailable|rejected|unable|not available|deferred|overload|out of)
      (server|system|service|resources?|host) (\S+ )?(is |are )?(currently |temporarily |too )*(busy|overload|unavailable|not available|down|unable|shutting down|offline|maintenance)
      overload
      service (not available|unavailable|shutting down|currently)
      try (again|later)
      under maintenance
      can'?t create (output|user output)
      cannot (open|write|append|create|update|lock)
      permission denied
      (delivery agent|command|program|pipe) (died|failed|exited)
      mail system (full|problem)
      error delivering to mailboxes
      transaction failed, blame
      unable to (open|write|create|process|complete|lock|chdir)
      \bdeferred\b
      requested (mail )?action aborted
      action not taken: (local|error)
      mailbox (is )?(busy|locked)
      delivery (is )?(delayed|suspended)
      backend
      qmail-\w+ (crash|error)
      queue file
      could not (write|complete|open|process)
    `,
  },
  {
    id: 'text.protocol',
    source: `${sources.rfc3463} X.5.x, X.6.x`,
    reason: 'protocol_error',
    text: phrases`
      bad sequence
      protocol (error|violation)
      command (not |un)(recogni[sz]ed|implemented|known)
      (unknown|unrecogni[sz]ed|invalid|unexpected|illegal) (smtp )?command
      syntax error
      line too long
      line length
      lines? longer
      bare (lf|cr|linefeed|newline)
      8-?bit
      7-?bit
      rfc ?-?(822|2821|2822|5321|5322)
      missing (or invalid )?(header|from|date|to|message-id|subject)
      (header|headers|message-id|date|from header|mime|charset|encoding)s? (\S+ )?(is |are |was )*(missing|invalid|malformed|not (valid|compliant|supported|allowed)|duplicated?|required)
      (duplicate|invalid|malformed|multiple|equal|bad) (\S+ )?(header|mime|message-id|from)s?
      too many equal
      non-?compliant
      smtputf8
      conformance
      conversion (required|not)
      not supported
      improper use of
      pipelining
      empty (message|envelope|body)
      unacceptable message
      no valid recipients?
      need (rcpt|mail)
    `,
  },
  {
    id: 'text.policy',
    source: `${sources.rfc3463} X.7.1; ${sources.kumomta}; ${sources.groupware}`,
    reason: 'policy',
    text: phrases`
      \bpolic(y|ies)\b
      \bacl\b
      (user|recipient) (has |have )?(rejected|refused|blocked) (your|this|the)
      (allow|permit)(ed)? (users|you|senders) to (send|post|write)
      administrative(ly)? (prohib|reject|block|denied|den)
      administrat(or|ion) (has )?(block|reject|refus|prohib|denied)
      security (reasons?|policies|restriction)
      (not|isn'?t) (permitted|authori[sz]ed|allowed) to (send|post|mail|submit|write|deliver|receive)
      (only|members?) (\w+ ){0,3}(can|may|allowed to) (post|send|mail)
      not (a )?(member|subscriber|subscribed)
      members only
      auto(mati\w+)?-?(generated)? messages? (is |are )?not (accepted|allowed)
      closed (mailing )?list
      moderat(ed|or|ion)
      require[sd]? (approval|confirmation|permission)
      challenge
      whitelist
      white ?list
      allow(ed)? ?list
      bypass list
      restricted
      prohibited
      forbidden
      delivery not authori[sz]ed
      does not accept (external|outside|messages from|e?-?mail (in|from|with))
      quarantined
      (mail|message) (was )?bounced by (the )?administrator
      (external|outside|internet) (e?-?mail|senders?|messages?) (is |are )?not
      recipient (refuses|rejects|does not want|has blocked|blocked you)
      blocked (by|the) (the )?(recipient|user|sender)
      reject(ed)? (by|due to) (user|recipient|local|rule|filter)
    `,
  },
]
