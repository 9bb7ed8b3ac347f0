/* Shows whether the page is live, or since when the connection is lost. */
;(() => {
  const indicator = document.getElementById('live')
  if (!indicator) return
  const show = (state, text) => {
    if (indicator.dataset.state === state) return
    indicator.dataset.state = state
    indicator.textContent = text
    // Screen readers announce changes of the state, but not the first "Live" of each page.
    if (indicator.hidden) indicator.hidden = false
    else indicator.setAttribute('role', 'status')
  }
  const lost = () => show('lost', `Not connected since ${new Date().toISOString().slice(11, 16)} UTC`)
  indicator.addEventListener('htmx:sse:after:connection', ({ detail }) => {
    // A response without a stream: the session has ended.
    if (detail.connection.status === 200) show('live', 'Live')
    else location.reload()
  })
  for (const name of ['htmx:sse:error', 'htmx:response:error', 'htmx:error']) indicator.addEventListener(name, lost)
})()
