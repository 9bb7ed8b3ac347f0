/**
 * `node scripts/release-notes.mjs v1.2.3`: prints the section of CHANGELOG.md for a tag, as the text of the release. Fails where
 * the tag, the section and the version in package.json do not agree.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { root } from './root.mjs'

/**
 * The text of a version's section, without its heading. GitHub shows every line break of a release, and takes relative links for
 * pages beside the release: so lines are joined, and links lead to the files of the tag.
 * @param filesUrl where the files of the tag are, with a slash at its end.
 * @throws where the tag is not `v` and the version of package.json, or the changelog has no text for it.
 */
export function releaseNotes(tag, { changelog, version, filesUrl }) {
  if (tag !== `v${version}`) throw new Error(`The tag ${tag} does not match version ${version} in package.json.`)
  const sections = changelog.split(/^## /m).slice(1)
  const section = sections.find((text) => text.startsWith(`[${version}] - `))
  if (section === undefined) throw new Error(`CHANGELOG.md has no section "## [${version}] - <date>".`)
  const notes = section.slice(section.indexOf('\n')).trim()
  if (notes === '') throw new Error(`The section of ${version} in CHANGELOG.md is empty.`)
  return notes.replace(/(?<=\S)\n {0,2}(?![\n#]|- )/g, ' ').replace(/\]\((?!https?:|#)/g, `](${filesUrl}`)
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const changelog = readFileSync(`${root}CHANGELOG.md`, 'utf8')
  const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8'))
  const tag = process.argv[2] ?? ''
  const { GITHUB_SERVER_URL, GITHUB_REPOSITORY } = process.env
  const filesUrl = GITHUB_REPOSITORY ? `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/blob/${tag}/` : ''
  try {
    console.log(releaseNotes(tag, { changelog, version, filesUrl }))
  } catch (error) {
    console.error(error.message)
    process.exit(1)
  }
}
