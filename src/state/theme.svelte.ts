import { readStored, writeStored } from './stored'

export const THEME_CHOICES = ['system', 'dark', 'light'] as const
export type ThemeChoice = (typeof THEME_CHOICES)[number]

const isChoice = (value: unknown): value is ThemeChoice => THEME_CHOICES.some((choice) => choice === value)

/** The color theme: dark, light, or the theme of the system. The stylesheet reads `data-theme` of the root element. */
class Theme {
  #choice = $state<ThemeChoice>('system')
  #systemIsLight = $state(false)
  readonly shown: 'dark' | 'light' = $derived(this.#choice === 'system' ? (this.#systemIsLight ? 'light' : 'dark') : this.#choice)

  constructor() {
    const stored = readStored('theme')
    if (isChoice(stored)) this.#choice = stored
    const query = matchMedia('(prefers-color-scheme: light)')
    this.#systemIsLight = query.matches
    query.addEventListener('change', () => {
      this.#systemIsLight = query.matches
      this.#apply()
    })
    this.#apply()
  }

  get choice(): ThemeChoice {
    return this.#choice
  }

  set choice(choice: ThemeChoice) {
    this.#choice = choice
    writeStored('theme', choice)
    this.#apply()
  }

  #apply(): void {
    document.documentElement.dataset.theme = this.shown
  }
}

export const theme = new Theme()
