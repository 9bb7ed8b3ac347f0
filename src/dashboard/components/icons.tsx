/** Icons, 16 by 16. Each is beside a text with the same meaning, so all are hidden from screen readers. */

const paths = {
  overview: 'M2.5 2.5h4.5v5H2.5zM9 2.5h4.5v3H9zM9 7.5h4.5v6H9zM2.5 9.5h4.5v4H2.5z',
  email: 'M2 4h12v8.5H2zM2.3 4.3 8 9l5.7-4.7',
  escalation: 'M8 2.2 14.3 13.3H1.7zM8 6.5v3.2M8 11.4v.2',
  suppression: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM3.8 3.8l8.4 8.4',
  event: 'M1.5 8h3l2-4.5 3 9 2-4.5h3',
  domain:
    'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM2 8h12M8 2c2 1.8 2.8 3.8 2.8 6S10 12.2 8 14c-2-1.8-2.8-3.8-2.8-6S6 3.8 8 2z',
  setup: 'M2 4.5h7M12.5 4.5H14M2 11.5h1.5M7 11.5h7M10.7 2.8v3.4M5.2 9.8v3.4',
  clock: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zM8 4.8V8l2.2 1.6',
  arrow: 'M2.5 8h10.5M9 4l4 4-4 4',
  check: 'M2.8 8.6 6.3 12l7-8',
  eye: 'M1.5 8S4 3.8 8 3.8 14.5 8 14.5 8 12 12.2 8 12.2 1.5 8 1.5 8zM8 6.2a1.8 1.8 0 1 0 0 3.6 1.8 1.8 0 0 0 0-3.6z',
  pointer: 'M4 2.5 12.5 8 8.6 9l2.2 4-1.8.9-2.2-4L4 12.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  cross: 'M4 4l8 8M12 4l-8 8',
  failed: 'M5.5 2h5L14 5.5v5L10.5 14h-5L2 10.5v-5zM8 5v3.6M8 10.9v.2',
  part: 'M1.5 8.8 4.3 12l5-6.2M7.6 11.2l.7.8 6-7.2',
  flag: 'M3.5 14V2.5M3.5 3h8l-1.8 3 1.8 3h-8',

  person: 'M8 2.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6zM2.8 13.8c.5-2.6 2.5-4 5.2-4s4.7 1.4 5.2 4',
  moon: 'M13 9.8A5.6 5.6 0 0 1 6.2 3 5.6 5.6 0 1 0 13 9.8z',
  question: 'M6 6.2A2 2 0 1 1 8.6 8c-.4.2-.6.6-.6 1v.4M8 11.8v.2',
} as const

export type IconName = keyof typeof paths

/** The path alone, for use inside another SVG. */
export const IconPath = ({ name }: { name: IconName }) => <path d={paths[name]} />

export const Icon = ({ name }: { name: IconName }) => (
  <svg class="icon" viewBox="0 0 16 16" aria-hidden="true" focusable="false">
    <IconPath name={name} />
  </svg>
)
