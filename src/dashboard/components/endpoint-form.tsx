/** The form that creates an endpoint. */
import { endpointEventTypes } from '../../domain/endpoint.ts'
import { priorities } from '../../domain/events.ts'
import { phrase } from './labels.ts'
import { ProjectSelect } from './project-select.tsx'

export interface EndpointFormProps {
  /** Those that an endpoint can be created for. */
  readonly projects: readonly string[]
  /** Of whose emails it may receive events alone. */
  readonly providers: readonly { readonly name: string; readonly title: string }[]
  /** Why none was created, and what was entered. */
  readonly rejected?: { readonly why: string; readonly url: string; readonly description: string }
}

export const EndpointForm = ({ projects, providers, rejected }: EndpointFormProps) => (
  <form class="card form-stack" method="post" action="/setup/endpoints">
    <h2>Create an endpoint</h2>
    <label>
      URL that receives webhooks
      <input type="url" name="url" required maxLength={2_000} value={rejected?.url} placeholder="https://" />
    </label>
    <label>
      Description
      <input name="description" maxLength={200} value={rejected?.description} autoComplete="off" dir="auto" />
    </label>
    <ProjectSelect projects={projects} />
    <details class="remedy">
      <summary>Only some events</summary>
      <Choice name="event" legend="Events (none chosen: all)" options={endpointEventTypes} />
      <Choice name="provider" legend="Providers" options={providers} />
      <Choice name="priority" legend="Priorities" options={priorities} />
      <label>
        Tags, separated by commas
        <input name="tags" maxLength={2_000} autoComplete="off" dir="auto" />
      </label>
    </details>
    {rejected && (
      <p class="error" role="alert">
        {rejected.why}
      </p>
    )}
    <button type="submit" class="primary">
      Create
    </button>
  </form>
)

interface ChoiceProps {
  readonly name: string
  readonly legend: string
  readonly options: readonly (string | { readonly name: string; readonly title: string })[]
}

const Choice = ({ name, legend, options }: ChoiceProps) => (
  <fieldset class="choices">
    <legend>{legend}</legend>
    {options.map((option) => {
      const [value, title] = typeof option === 'string' ? [option, phrase(option)] : [option.name, option.title]
      return (
        <label key={value} class="check">
          <input type="checkbox" name={name} value={value} />
          <span>{name === 'event' ? <code>{value}</code> : title}</span>
        </label>
      )
    })}
  </fieldset>
)

interface NewSecretProps {
  readonly secret: string
  readonly children: string
}

/** Shown in the answer itself: a redirect would have to carry the secret. */
export const NewSecret = ({ secret, children }: NewSecretProps) => (
  <section class="card" aria-labelledby="new-secret">
    <h2 id="new-secret">{children}</h2>
    <label>
      Copy it now: it cannot be shown again.
      <input class="address" readOnly value={secret} />
    </label>
  </section>
)
