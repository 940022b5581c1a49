import { expect, test } from 'vitest'
import { parseFlags, UsageError } from '../../scripts/generate-flags'

const least = ['--prompt', 'a red sky', '--out', 'clip.webm']

/** The message of the UsageError that these flags give; anything else fails the test. */
function refusal(...argv: string[]): string {
  try {
    parseFlags(argv)
  } catch (error) {
    expect(error).toBeInstanceOf(UsageError)
    return (error as UsageError).message
  }
  throw new Error(`${argv.join(' ')} was accepted`)
}

test('parses every flag with its type', () => {
  const flags = parseFlags([
    ...least,
    '--negative',
    'rain',
    '--seed',
    '4294967295',
    '--width',
    '128',
    '--height',
    '96',
    '--frames',
    '17',
    '--fps',
    '7.5',
    '--steps',
    '4',
    '--guidance',
    '3',
    '--cache',
    '0.1',
    '--model',
    'models/x',
    '--json',
    '--precision',
    'f16',
    '--autotune',
    '--profile',
    'p',
    '--noise',
    'n.safetensors',
    '--embeds',
    'e.safetensors',
    '--save-latents',
    'l.safetensors',
    '--mirror',
    'https://mirror.example/',
    '--accept-license',
  ])
  expect(flags).toEqual({
    prompt: 'a red sky',
    out: 'clip.webm',
    negative: 'rain',
    seed: 4294967295,
    width: 128,
    height: 96,
    frames: 17,
    fps: 7.5,
    steps: 4,
    guidance: 3,
    cache: 0.1,
    model: 'models/x',
    json: true,
    precision: 'f16',
    autotune: true,
    profile: 'p',
    noise: 'n.safetensors',
    embeds: 'e.safetensors',
    'save-latents': 'l.safetensors',
    mirror: 'https://mirror.example/',
    'accept-license': true,
    backward: false,
    loop: false,
  })
})

test('omits flags that are not given, so that the model decides', () => {
  expect(parseFlags(least)).toEqual({
    prompt: 'a red sky',
    out: 'clip.webm',
    json: false,
    autotune: false,
    'accept-license': false,
    backward: false,
    loop: false,
  })
})

test('needs no prompt with a storyboard', () => {
  expect(parseFlags(['--storyboard', 'board.json', '--out', 'a.webm']).prompt).toBe('')
})

test('accepts an empty prompt, and a prompt that looks like a number', () => {
  expect(parseFlags(['--prompt', '', '--out', 'a.webm']).prompt).toBe('')
  expect(parseFlags(['--prompt', '-3 degrees', '--out', 'a.webm']).prompt).toBe('-3 degrees')
})

test.each([
  [['--out', 'clip.webm'], '--prompt is missing: --prompt "a red sky at sunset"'],
  [['--prompt', 'x'], '--out is missing: --out clip.webm'],
  [[...least, '--seed', '-1'], '--seed: expected a whole number from 0 to 4294967295, got "-1"'],
  [[...least, '--seed', '4294967296'], '--seed: expected a whole number from 0 to 4294967295, got "4294967296"'],
  [[...least, '--steps', '2.5'], '--steps: expected a whole number from 1 to 1000, got "2.5"'],
  [[...least, '--steps', '0'], '--steps: expected a whole number from 1 to 1000, got "0"'],
  [[...least, '--guidance', 'high'], '--guidance: expected a number from 1 to 100, got "high"'],
  [[...least, '--cache', '1.5'], '--cache: expected a number from 0 to 1, got "1.5"'],
  [[...least, '--fps', '1e3'], '--fps: expected a number from 1 to 120, got "1e3"'],
  [[...least, '--precision', 'f8'], '--precision: expected f32 or f16, got "f8"'],
  [['--prompt', 'x', '--out', 'clip.mp4'], '--out: expected a file that ends in .webm, or in .png for a still, got "clip.mp4"'],
  [['--prompt', 'x', '--out', 'still.webm', '--frames', '1'], '--out: expected a file that ends in .png for --frames 1, got "still.webm"'],
  [['--prompt', 'x', '--out', 'still.png'], '--out: expected a file that ends in .webm, or --frames 1 for a still, got "still.png"'],
  [[...least, '--sede', '7'], "Unknown option '--sede'"],
  [[...least, 'stray'], "Unexpected argument 'stray'"],
])('rejects %j with one line', (argv, message) => {
  expect(refusal(...argv)).toBe(message)
})

test('rejects a flag without its value with one line', () => {
  expect(refusal(...least, '--width')).toMatch(/^Option '--width <value>' argument missing$/)
})

test('takes the licenses flag by its earlier name', () => {
  expect(parseFlags([...least, '--accept-licence'])['accept-license']).toBe(true)
})

test('needs no prompt beside a recipe, and media only there', () => {
  expect(parseFlags(['--recipe', 'clip.webm', '--out', 'again.webm', '--media', 'abcdef12=a.png', '--media', '12345678=b.png'])).toMatchObject({
    recipe: 'clip.webm',
    media: ['abcdef12=a.png', '12345678=b.png'],
  })
  // the recipe says how many frames there are
  expect(parseFlags(['--recipe', 'still.png', '--out', 'again.png']).prompt).toBeUndefined()
  expect(refusal('--recipe', 'clip.webm', '--frames', '1', '--out', 'again.webm')).toContain('ends in .png for --frames 1')
  expect(refusal('--out', 'again.webm')).toContain('--prompt is missing')
  expect(refusal(...least, '--media', 'abcdef12=a.png')).toBe('--media: expected --recipe beside it, got none')
  expect(refusal('--recipe', 'clip.webm', '--out', 'again.webm', '--media', 'a.png')).toContain('--media: expected ID=FILE')
})
