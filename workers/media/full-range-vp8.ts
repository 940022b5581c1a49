// VP8 of full range, as MediaRecorder writes it from a canvas: the file says so, the frames do not, and Chromium's VideoDecoder believes the
// frames, unlike its player. The decoded frames are given the colors of the file. To be deleted when VideoDecoder heeds its config.
import { CustomVideoDecoder, registerDecoder, VideoSample, type EncodedPacket } from 'mediabunny'

class FullRangeVp8 extends CustomVideoDecoder {
  private decoder: VideoDecoder | undefined
  /** one frame after the other: their bytes are copied asynchronously */
  private emitted: Promise<unknown> = Promise.resolve()

  static override supports(codec: string, { colorSpace }: VideoDecoderConfig): boolean {
    return codec === 'vp8' && colorSpace?.fullRange === true
  }

  override init(): void {
    this.decoder = new VideoDecoder({
      output: (frame) => {
        this.emitted = this.emitted.then(() => this.emit(frame)).catch((error: unknown) => this.onError(error))
      },
      error: (error) => this.onError(error),
    })
    this.decoder.configure(this.config)
  }

  override decode(packet: EncodedPacket): void {
    this.decoder?.decode(packet.toEncodedVideoChunk())
  }

  override async flush(): Promise<void> {
    await this.decoder?.flush()
    await this.emitted
  }

  override close(): void {
    if (this.decoder && this.decoder.state !== 'closed') this.decoder.close()
  }

  private async emit(frame: VideoFrame): Promise<void> {
    try {
      const { format, visibleRect, timestamp, duration, displayWidth, displayHeight } = frame
      const { colorSpace } = this.config
      if (!format || !visibleRect || !colorSpace) {
        this.onSample(new VideoSample(frame.clone()))
        return
      }
      const bytes = new Uint8Array(frame.allocationSize())
      const layout = await frame.copyTo(bytes)
      const { width: codedWidth, height: codedHeight } = visibleRect
      const named = { format, codedWidth, codedHeight, displayWidth, displayHeight, timestamp, layout, colorSpace, ...(duration !== null && { duration }) }
      this.onSample(new VideoSample(new VideoFrame(bytes, named)))
    } finally {
      frame.close()
    }
  }
}

registerDecoder(FullRangeVp8)
