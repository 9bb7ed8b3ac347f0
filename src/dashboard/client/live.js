/* Says whether the page follows what happens, or shows what was known when the connection was lost. */
;(() => {
  const mark = document.getElementById('live')
  if (!mark) return
  const show = (state, words) => {
    if (mark.dataset.state === state) return
    mark.dataset.state = state
    mark.textContent = words
    // That a page is live is told to nobody who listens to it; that it no longer is, and is again, is.
    if (mark.hidden) mark.hidden = false
    else mark.setAttribute('role', 'status')
  }
  const lost = () => show('lost', `Not connected since ${new Date().toISOString().slice(11, 16)} UTC`)
  mark.addEventListener('htmx:sse:after:connection', ({ detail }) => {
    // An answer without a stream: the session is over.
    if (detail.connection.status === 200) show('live', 'Live')
    else location.reload()
  })
  for (const name of ['htmx:sse:error', 'htmx:response:error', 'htmx:error']) mark.addEventListener(name, lost)
})()
