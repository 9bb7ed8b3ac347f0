/** Which project something is created for. Nothing where there is only one. */
export const ProjectSelect = ({ projects }: { readonly projects: readonly string[] }) =>
  projects.length > 1 ? (
    <label>
      Project
      <select name="project">
        {projects.map((project) => (
          <option key={project}>{project}</option>
        ))}
      </select>
    </label>
  ) : null
