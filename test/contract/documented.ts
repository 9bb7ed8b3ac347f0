/** Validates answers against /openapi.json: status, type, and exactly the documented fields. */
import assert from 'node:assert/strict'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'

interface Operation {
  readonly responses: Record<string, { content?: Record<string, { schema: object }> }>
}

interface Document {
  readonly paths: Record<string, Record<string, Operation>>
  readonly components: { readonly schemas: Record<string, object> }
}

export class DocumentedApi {
  readonly #document: Document
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true })
  /** The statuses that each operation has answered with. */
  readonly #answered = new Map<string, Set<number>>()

  private constructor(document: Document) {
    this.#document = document
    addFormats.default(this.#ajv)
    this.#ajv.addSchema({ $id: 'document', components: document.components })
  }

  static async at(url: string): Promise<DocumentedApi> {
    return new DocumentedApi((await (await fetch(`${url}/openapi.json`)).json()) as Document)
  }

  /** Fails unless the answer to `method path` is documented. @returns the body. */
  async check(method: string, path: string, response: Response): Promise<unknown> {
    const [template, operation] = this.#operationOf(method, path)
    const name = `${method} ${template}`
    this.#answered.set(name, (this.#answered.get(name) ?? new Set()).add(response.status))
    const documented = operation.responses[response.status]
    if (!documented) throw new Error(`${name} is not documented to answer ${response.status}: ${await response.text()}`)
    const type = response.headers.get('content-type')?.replace(/;.*/, '')
    if (!documented.content) {
      assert.equal(await response.text(), '', name)
      return undefined
    }
    const media = Object.entries(documented.content).find(([media]) => isOf(media, type ?? ''))
    assert.ok(media, `${name} answers ${response.status} as ${type}`)
    const body: unknown = type?.endsWith('json') ? await response.json() : ''
    if (type?.endsWith('json')) this.#validate(name, media[1].schema, body)
    return body
  }

  #operationOf(method: string, path: string): [string, Operation] {
    const { pathname } = new URL(path, 'http://x')
    // Fixed paths come before those with parameters.
    const [found] = Object.entries(this.#document.paths)
      .filter(([template, methods]) => method.toLowerCase() in methods && matches(template, pathname))
      .sort(([a], [b]) => a.split('{').length - b.split('{').length)
    const operation = found?.[1][method.toLowerCase()]
    if (!found || !operation) throw new Error(`${method} ${pathname} is not documented`)
    return [found[0], operation]
  }

  #validate(name: string, schema: object, body: unknown): void {
    const text = JSON.stringify(schema).replaceAll('#/components/', 'document#/components/')
    const isValid = this.#ajv.validate(JSON.parse(text) as object, body)
    assert.ok(isValid, `${name}: ${this.#ajv.errorsText()} in ${JSON.stringify(body)}`)
  }

  /** Operations without a successful answer yet. */
  untried(): string[] {
    return Object.entries(this.#document.paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .map((method) => `${method.toUpperCase()} ${path}`)
        .filter((name) => ![...(this.#answered.get(name) ?? [])].some((status) => status < 300)),
    )
  }
}

const matches = (template: string, pathname: string): boolean =>
  new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{\w+\}/g, '[^/]+')}$`).test(pathname)

const isOf = (media: string, type: string): boolean =>
  media.endsWith('/*') ? type.startsWith(media.slice(0, -1)) : type === media
