import { tick } from 'svelte'

/**
 * For an `$effect.pre` that reads what decides which buttons `group` has: whoever had the focus on one that goes keeps it in the
 * group, on its first button, instead of losing it to the page.
 */
export function keepFocusIn(group: HTMLElement | undefined): void {
  if (!group?.contains(document.activeElement)) return
  void tick().then(() => {
    if (document.activeElement === document.body) group.querySelector<HTMLElement>('button:not(:disabled), a')?.focus({ preventScroll: true })
  })
}
