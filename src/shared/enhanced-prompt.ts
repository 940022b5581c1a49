// Cleans the output of the prompt enhancer: removes remarks, markup and incomplete sentences. Pure.
import { promptTokens } from './prompt'

/** Maximum length of a prompt in words. LTX-Video recommends at most 200, but the output of a small model degrades towards its end. */
const MAX_WORDS = 120

/** A remark before the paragraph, such as "Sure! Here is the prompt:". */
const PREAMBLE =
  /^(?:(?:sure(?: thing)?|certainly|of course|okay|ok|absolutely)\s*[.,!:]+\s*)?(?:(?:here(?:'s|’s| is| are)|this is|below is|the following is)\b[^.!:\n]*:\s*)?(?:(?:video )?(?:prompt|paragraph|description|answer)\s*:\s*)?/i
/** Matches sentences that address the user instead of describing the video. */
const REMARK =
  /\b(?:I hope|hope this|let me know|feel free|I can|I'm|I am|would you like|you can (?:use|adjust|change)|this (?:prompt|paragraph|description)|the (?:prompt|paragraph))\b/i

/** Extracts a paragraph of complete sentences; empty if there are none. @param avoid phrases: sentences that contain one are removed */
export function tidyParagraph(output: string, avoid: readonly string[] = []): string {
  const plain = output
    .replace(/<\|[^|>]*\|>/g, ' ')
    .replace(/[*_#`]+/g, '')
    .replace(/^\s*(?:[-•]|\d+[.)])\s+/gm, '')
    .trim()
    .replace(PREAMBLE, '')
  const line = plain
    .replace(/\s+/g, ' ')
    .replace(/^["“'‘]+|["”]+$/g, '')
    .trim()
  const phrases = avoid.map((phrase) => promptTokens(phrase).join(' ')).filter(Boolean)
  const sentences: string[] = []
  let words = 0
  for (const sentence of completeSentences(line)) {
    if (REMARK.test(sentence)) continue
    const tokens = ` ${promptTokens(sentence).join(' ')} `
    if (phrases.some((phrase) => tokens.includes(` ${phrase} `))) continue
    if (sentences.includes(sentence)) continue
    words += wordsOf(sentence).length
    if (words > MAX_WORDS && sentences.length > 0) break
    sentences.push(sentence)
  }
  return sentences.join(' ')
}

/** Function words, which an enhanced prompt may omit. */
const SMALL = new Set(
  (
    'a an the of in on at by to for with from into onto over under above below near and or but as is are was be being been it its his her their this that these those he she they ' +
    'some very there while then who which has have had up down out off style'
  ).split(' '),
)

/** Words of a prompt that a paragraph lacks, in prompt order. Inflected forms count as the same word ("sails", "sailing"). */
export function missingWords(prompt: string, paragraph: string): string[] {
  const mentioned = new Set(wordsOf(paragraph).map(stem))
  return [...new Set(contentWords(prompt))].filter((word) => !mentioned.has(stem(word)))
}

/** Whether a paragraph lacks more than half of the words of the prompt. */
export function isOffTopic(prompt: string, paragraph: string): boolean {
  const words = new Set(contentWords(prompt))
  return words.size > 0 && missingWords(prompt, paragraph).length > words.size / 2
}

function contentWords(text: string): string[] {
  return wordsOf(text).filter((word) => !SMALL.has(word))
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{N}]+(?:['’-][\p{L}\p{N}]+)*/gu) ?? []
}

/** A simple English stemmer: removes an ending, and a doubled or silent last letter. */
function stem(word: string): string {
  const short = word
    .replace(/['’]s$/, '')
    .replace(/ies$/, 'y')
    .replace(/(?:ing|edly|ed|es|s|ly)$/, '')
  return (short.length < 3 ? word : short).replace(/(.)\1$/, '$1').replace(/[eyi]$/, '')
}

/** Sentences with a final punctuation mark. A period within a number, after a single letter or after a title does not end a sentence. */
function completeSentences(line: string): string[] {
  return (line.match(/.*?(?<!\b\p{L})(?<!\b(?:St|Mr|Mrs|Dr))[.!?]+["”')]*(?=\s|$)/gu) ?? [])
    .map((sentence) => sentence.trim())
    .filter((sentence) => wordsOf(sentence).length > 0)
}
