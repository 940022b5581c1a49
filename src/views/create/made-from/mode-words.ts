import type { Mode } from '../../../state/made-from'

/** A mode, as it is offered and explained. */
export interface ModeText {
  label: string
  sentence: string
}

/** What each mode is called, and what it does. */
export const MODE_TEXT: Record<Mode, ModeText> = {
  words: { label: 'Words', sentence: 'The words above alone. A picture that is dropped or pasted here begins the clip.' },
  picture: { label: 'Picture', sentence: 'The picture is the first frame, and the clip moves on from it.' },
  keyframes: { label: 'Keyframes', sentence: 'Pictures that the clip passes through: the first frame, the last, and up to three at times between.' },
  extend: { label: 'Extend', sentence: 'A clip or a video of yours goes on, for the length in the settings.' },
  fill: { label: 'Fill', sentence: 'Two clips, and what happens between them. The length in the settings is that of the gap.' },
  blend: { label: 'Blend', sentence: 'One clip turns into the other: the last second of the first and the first second of the second are made anew.' },
  loop: { label: 'Loop', sentence: 'A clip that goes round: its end leads back to its beginning.' },
  remix: { label: 'Remix', sentence: 'A clip made anew with the words above. Where things are, and how they move, stays.' },
  retime: { label: 'Re-time', sentence: 'The whole of a clip at another length or rate, those in the settings.' },
  storyboard: { label: 'Storyboard', sentence: 'Shots one after the other, each as long as its card says. The words above belong to all of them.' },
}
