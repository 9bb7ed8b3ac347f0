/* Says whether the page follows what happens, or shows what was known when the connection was lost. */
;(() => {
  const mark = document.getElementById('live')
  if (!mark) return
  const show = (state, words) => {
    mark.dataset.state = state
    if (mark.textContent !== words) mark.textContent = words
    mark.hidden = false
  }
  const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' })
  mark.addEventListener('htmx:sse:after:connection', () => show('live', 'Live'))
  mark.addEventListener('htmx:sse:error', () => {
    if (mark.dataset.state !== 'lost') show('lost', `Not connected since ${clock.format(new Date())}`)
  })
})()
