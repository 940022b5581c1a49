/**
 * Puts the focus on a button that has appeared in `group`: for whoever opened the group with the button `[data-panel]`, or had the
 * focus on one of its buttons that went. Whoever went on to something else meanwhile stays there.
 */
export function takeFocus(button: HTMLElement, group: HTMLElement | undefined): void {
  const at = document.activeElement
  if (at?.matches('body, [data-panel]') || group?.contains(at)) button.focus()
}
