const tokens = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g

/** Indents JSON without parsing it: that would round large numbers and drop repeated names. */
export function indented(json: string): string {
  let depth = 0
  let out = ''
  const line = () => `\n${'  '.repeat(depth)}`
  const found = json.match(tokens) ?? []
  for (const [index, token] of found.entries()) {
    const isEmpty = (token === '{' && found[index + 1] === '}') || (token === '[' && found[index + 1] === ']')
    const isClosingEmpty = ['{}', '[]'].includes(`${found[index - 1] ?? ''}${token}`)
    if (isEmpty || isClosingEmpty) out += token
    else if (token === '{' || token === '[') {
      depth += 1
      out += token + line()
    } else if (token === '}' || token === ']') {
      depth -= 1
      out += line() + token
    } else if (token === ',') out += token + line()
    else out += token === ':' ? ': ' : token
  }
  return out
}
