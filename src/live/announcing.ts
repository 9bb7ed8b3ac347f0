/** What changes an email, ringing the bell once the change is committed. */
import type { LifecycleActivities } from '../activities/lifecycle-activities.ts'
import type { RunningInbox } from '../inbox/create-inbox.ts'
import type { ChangeBell } from './change-bell.ts'

/** An inbox whose registrations are announced. */
export const announcingInbox = (inbox: RunningInbox, bell: ChangeBell): RunningInbox => ({
  ...inbox,
  register: (registration) => announced(bell, inbox.register(registration)),
})

/** Activities whose saves are announced. */
export const announcingActivities = <Activities extends LifecycleActivities>(
  activities: Activities,
  bell: ChangeBell,
): Activities => ({
  ...activities,
  saveSnapshot: (input: Parameters<LifecycleActivities['saveSnapshot']>[0]) =>
    announced(bell, activities.saveSnapshot(input)),
  recordEscalation: (input: Parameters<LifecycleActivities['recordEscalation']>[0]) =>
    announced(bell, activities.recordEscalation(input)),
})

async function announced<Result>(bell: ChangeBell, change: Promise<Result>): Promise<Result> {
  const result = await change
  bell.ring()
  return result
}
