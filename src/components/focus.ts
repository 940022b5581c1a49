// Keeps the keyboard focus in place when buttons appear and disappear.
import { tick } from 'svelte'

/**
 * Focuses a button that has appeared in `group`, if the focus is on the button `[data-panel]` that opened the group, on another button of
 * the group, or lost because the focused button was removed. A focus elsewhere stays.
 */
export function takeFocus(button: HTMLElement, group: HTMLElement | undefined): void {
  const focused = document.activeElement
  if (focused?.matches('body, [data-panel]') || group?.contains(focused)) button.focus()
}

/**
 * Moves the focus to the first button of `group` if the focused button of the group is removed. Call it in an `$effect.pre` that reads
 * the state which decides what buttons `group` has.
 */
export function keepFocusIn(group: HTMLElement | undefined): void {
  if (!group?.contains(document.activeElement)) return
  void tick().then(() => {
    if (document.activeElement === document.body) group.querySelector<HTMLElement>('button:not(:disabled), a')?.focus({ preventScroll: true })
  })
}
