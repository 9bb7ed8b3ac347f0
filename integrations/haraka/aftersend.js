/**
 * A plugin of Haraka that writes the outcome of every recipient as a line of JSON, which `aftersend ingest json FILE` posts: Haraka's log
 * names no Message-ID. Copy it into Haraka's `plugins`, add `aftersend` to `config/plugins`, and name the file in `config/aftersend.ini`:
 * `log=/var/log/haraka-aftersend.jsonl`. Hooks and fields: github.com/haraka/Haraka, docs/Outbound.md and outbound/hmail.js; tried with 3.3.4.
 */
const { appendFile } = require('node:fs')

let log = '/var/log/haraka-aftersend.jsonl'

exports.register = function () {
  log = this.config.get('aftersend.ini').main.log || log
}

/** Haraka hands notes of the incoming message on to those that it sends. */
exports.hook_data_post = (next, connection) => {
  const { transaction } = connection
  transaction.notes.aftersend_message_id = String(transaction.header.get('Message-ID')).trim()
  next()
}

exports.hook_delivered = function (next, mail, [host, , reply, , , , recipients]) {
  write(this, mail, 'delivered', recipients, { reply, host }, next)
}

/** One hook is for some of the recipients: it has a mail of its own then. */
exports.hook_deferred = function (next, mail, { err }) {
  write(this, mail, 'deferred', mail.todo.rcpt_to, { reply: String(err) }, next)
}

// Haraka turns a last deferral into a bounce, and its 4.x.x into 5.x.x.
exports.hook_bounce = function (next, mail, error) {
  const event = error.message.startsWith('Too many failures') ? 'expired' : 'bounced'
  write(this, mail, event, error.bounced_rcpt ?? mail.todo.rcpt_to, { reply: error.message }, next)
}

/** A mail without a sender is a bounce message of Haraka's own. */
function write(plugin, { todo }, event, recipients, facts, next) {
  if (!todo?.mail_from.user) return next()
  const at = new Date().toISOString()
  const lines = recipients.map((recipient) =>
    JSON.stringify({
      event,
      messageId: todo.notes.aftersend_message_id,
      queueId: todo.uuid,
      recipient: `${recipient.user}@${recipient.host}`,
      at,
      code: recipient.dsn_status ?? recipient.dsn_smtp_code,
      ...facts,
      ...(recipient.reason && { reply: recipient.reason }),
      ...(recipient.dsn_remote_mta && { host: recipient.dsn_remote_mta }),
    }),
  )
  appendFile(log, `${lines.join('\n')}\n`, (error) => {
    if (error) plugin.logerror(`${log} cannot be written: ${error.code}`)
    next()
  })
}
