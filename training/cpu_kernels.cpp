// The transformer's steps between its matrix products, forward and backward, for training on CPUs.
//
// PyTorch runs each of them as five to twenty passes over memory; these are one pass each, in bf16 with f32 arithmetic, and
// plain loops that the compiler turns into vector instructions. cpu_kernels.py makes autograd functions of them.
//
// N rows (tokens of all clips), D channels, R groups of neighbouring rows that share a modulation (latent frames),
// A heads of K channels, B clips of T tokens, M keys.

#include <ATen/Parallel.h>
#include <torch/extension.h>

#include <bit>
#include <cmath>
#include <mutex>
#include <vector>

using torch::Tensor;
using bf16 = uint16_t;

namespace {

constexpr int64_t kRowsAThread = 16;

inline float widen(bf16 x) { return std::bit_cast<float>(static_cast<uint32_t>(x) << 16); }

inline bf16 narrow(float x) {  // to the nearest, ties to even
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  return static_cast<bf16>((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
}

// e^x within 1e-6 relative, far below what bf16 can tell; a polynomial, for libm's is not vectorized everywhere.
inline float fast_exp(float x) {
  const float y = std::min(std::max(x * 1.44269504f, -126.0f), 126.0f);
  const float whole = std::floor(y), part = y - whole;
  const float power = 1.0f + part * (0.693147182f + part * (0.240226462f + part * (0.0555032f + part * (0.00961812f + part * (0.00133336f + part * 0.000154035f)))));
  return power * std::bit_cast<float>((static_cast<int32_t>(whole) + 127) << 23);
}

inline const bf16* data(const Tensor& t) {
  TORCH_CHECK(t.is_contiguous() && t.scalar_type() == torch::kBFloat16, "expected a contiguous bf16 tensor");
  return reinterpret_cast<const bf16*>(t.data_ptr());
}
inline bf16* out(Tensor& t) { return reinterpret_cast<bf16*>(t.data_ptr()); }
inline const float* floats(const Tensor& t) {
  TORCH_CHECK(t.is_contiguous() && t.scalar_type() == torch::kFloat32, "expected a contiguous f32 tensor");
  return t.data_ptr<float>();
}

inline float rms_scale(const bf16* row, int64_t width, float eps) {
  float sum = 0;
  for (int64_t i = 0; i < width; ++i) sum += widen(row[i]) * widen(row[i]);
  return 1.0f / std::sqrt(sum / width + eps);
}

// --- norm and modulation: y = x / rms(x) * (1 + scale) + shift ---------------------------------

Tensor modulate(const Tensor& x, const Tensor& scale, const Tensor& shift, double eps) {
  const int64_t width = x.size(-1), groups = scale.numel() / width, rows = x.numel() / width / groups;
  Tensor y = torch::empty_like(x);
  const bf16 *xs = data(x), *scales = data(scale), *shifts = data(shift);
  bf16* ys = out(y);
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t group = begin; group < end; ++group) {
      const bf16 *gain = scales + group * width, *offset = shifts + group * width;
      for (int64_t row = group * rows; row < (group + 1) * rows; ++row) {
        const bf16* from = xs + row * width;
        const float unit = rms_scale(from, width, eps);
        for (int64_t i = 0; i < width; ++i) ys[row * width + i] = narrow(widen(from[i]) * unit * (1.0f + widen(gain[i])) + widen(offset[i]));
      }
    }
  });
  return y;
}

// -> gradients of x, scale and shift
std::vector<Tensor> modulate_backward(const Tensor& grad, const Tensor& x, const Tensor& scale, double eps) {
  const int64_t width = x.size(-1), groups = scale.numel() / width, rows = x.numel() / width / groups;
  Tensor dx = torch::empty_like(x), dscale = torch::empty_like(scale), dshift = torch::empty_like(scale);
  const bf16 *gs = data(grad), *xs = data(x), *scales = data(scale);
  bf16 *dxs = out(dx), *dscales = out(dscale), *dshifts = out(dshift);
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> normed(width), inner(width), sum_scale(width), sum_shift(width);
    for (int64_t group = begin; group < end; ++group) {
      const bf16* gain = scales + group * width;
      std::fill(sum_scale.begin(), sum_scale.end(), 0.0f);
      std::fill(sum_shift.begin(), sum_shift.end(), 0.0f);
      for (int64_t row = group * rows; row < (group + 1) * rows; ++row) {
        const bf16 *from = xs + row * width, *g = gs + row * width;
        const float unit = rms_scale(from, width, eps);
        float dot = 0;
        for (int64_t i = 0; i < width; ++i) {
          const float gi = widen(g[i]);
          normed[i] = widen(from[i]) * unit;
          inner[i] = gi * (1.0f + widen(gain[i]));
          sum_shift[i] += gi;
          sum_scale[i] += gi * normed[i];
          dot += inner[i] * normed[i];
        }
        dot /= width;
        for (int64_t i = 0; i < width; ++i) dxs[row * width + i] = narrow(unit * (inner[i] - normed[i] * dot));
      }
      for (int64_t i = 0; i < width; ++i) {
        dscales[group * width + i] = narrow(sum_scale[i]);
        dshifts[group * width + i] = narrow(sum_shift[i]);
      }
    }
  });
  return {dx, dscale, dshift};
}

// --- gated residual: x + y * gate ---------------------------------------------------------------

Tensor add_gated(const Tensor& x, const Tensor& y, const Tensor& gate) {
  const int64_t width = x.size(-1), groups = gate.numel() / width, rows = x.numel() / width / groups;
  Tensor sum = torch::empty_like(x);
  const bf16 *xs = data(x), *ys = data(y), *gates = data(gate);
  bf16* sums = out(sum);
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin * rows; row < end * rows; ++row) {
      const bf16* g = gates + row / rows * width;
      for (int64_t i = row * width, c = 0; c < width; ++i, ++c) sums[i] = narrow(widen(xs[i]) + widen(ys[i]) * widen(g[c]));
    }
  });
  return sum;
}

// -> gradients of y and gate; that of x is `grad` itself
std::vector<Tensor> add_gated_backward(const Tensor& grad, const Tensor& y, const Tensor& gate) {
  const int64_t width = y.size(-1), groups = gate.numel() / width, rows = y.numel() / width / groups;
  Tensor dy = torch::empty_like(y), dgate = torch::empty_like(gate);
  const bf16 *gs = data(grad), *ys = data(y), *gates = data(gate);
  bf16 *dys = out(dy), *dgates = out(dgate);
  at::parallel_for(0, groups, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> sum(width);
    for (int64_t group = begin; group < end; ++group) {
      std::fill(sum.begin(), sum.end(), 0.0f);
      const bf16* open = gates + group * width;
      for (int64_t row = group * rows; row < (group + 1) * rows; ++row) {
        const bf16 *g = gs + row * width, *from = ys + row * width;
        for (int64_t i = 0; i < width; ++i) {
          const float gi = widen(g[i]);
          dys[row * width + i] = narrow(gi * widen(open[i]));
          sum[i] += gi * widen(from[i]);
        }
      }
      for (int64_t i = 0; i < width; ++i) dgates[group * width + i] = narrow(sum[i]);
    }
  });
  return {dy, dgate};
}

// --- norm across heads, rotary embedding, and [B, T, A K] -> [B, A, T, K] ------------------------
// Pairs are (i, i + K/2) of a head. cos and sin are [T, A, K/2] in f32, or empty: then nothing turns.

Tensor norm_rotate(const Tensor& x, const Tensor& gain, const Tensor& cos, const Tensor& sin, int64_t heads, double eps) {
  const int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2), size = width / heads, half = size / 2;
  Tensor y = torch::empty({batch, heads, tokens, size}, x.options());
  const bf16* xs = data(x);
  const float* gains = floats(gain);
  const bool turns = cos.numel() > 0;
  const float *c = turns ? floats(cos) : nullptr, *s = turns ? floats(sin) : nullptr;
  bf16* ys = out(y);
  at::parallel_for(0, batch * tokens, kRowsAThread, [&](int64_t begin, int64_t end) {
    std::vector<float> normed(width);
    for (int64_t row = begin; row < end; ++row) {
      const bf16* from = xs + row * width;
      const int64_t clip = row / tokens, token = row % tokens;
      const float unit = rms_scale(from, width, eps);
      for (int64_t i = 0; i < width; ++i) normed[i] = widen(from[i]) * unit * gains[i];
      for (int64_t head = 0; head < heads; ++head) {
        bf16* to = ys + ((clip * heads + head) * tokens + token) * size;
        const float *real = normed.data() + head * size, *imaginary = real + half;
        if (!turns) {
          for (int64_t i = 0; i < size; ++i) to[i] = narrow(real[i]);
          continue;
        }
        const float *ci = c + (token * heads + head) * half, *si = s + (token * heads + head) * half;
        for (int64_t i = 0; i < half; ++i) {
          to[i] = narrow(real[i] * ci[i] - imaginary[i] * si[i]);
          to[half + i] = narrow(imaginary[i] * ci[i] + real[i] * si[i]);
        }
      }
    }
  });
  return y;
}

// -> gradients of x and gain (f32)
std::vector<Tensor> norm_rotate_backward(const Tensor& grad, const Tensor& x, const Tensor& gain, const Tensor& cos, const Tensor& sin, double eps) {
  const int64_t batch = x.size(0), tokens = x.size(1), width = x.size(2), heads = grad.size(1), size = width / heads, half = size / 2;
  Tensor dx = torch::empty_like(x), dgain = torch::zeros_like(gain);
  const bf16 *gs = data(grad), *xs = data(x);
  const float* gains = floats(gain);
  const bool turns = cos.numel() > 0;
  const float *c = turns ? floats(cos) : nullptr, *s = turns ? floats(sin) : nullptr;
  bf16* dxs = out(dx);
  float* dgains = dgain.data_ptr<float>();
  std::mutex adding;
  at::parallel_for(0, batch * tokens, kRowsAThread, [&](int64_t begin, int64_t end) {
    std::vector<float> turned(width), normed(width), sum(width, 0.0f);
    for (int64_t row = begin; row < end; ++row) {
      const bf16* from = xs + row * width;
      const int64_t clip = row / tokens, token = row % tokens;
      const float unit = rms_scale(from, width, eps);
      for (int64_t head = 0; head < heads; ++head) {
        const bf16* g = gs + ((clip * heads + head) * tokens + token) * size;
        float *real = turned.data() + head * size, *imaginary = real + half;
        if (!turns) {
          for (int64_t i = 0; i < size; ++i) real[i] = widen(g[i]);
          continue;
        }
        const float *ci = c + (token * heads + head) * half, *si = s + (token * heads + head) * half;
        for (int64_t i = 0; i < half; ++i) {
          real[i] = widen(g[i]) * ci[i] + widen(g[half + i]) * si[i];
          imaginary[i] = widen(g[half + i]) * ci[i] - widen(g[i]) * si[i];
        }
      }
      float dot = 0;
      for (int64_t i = 0; i < width; ++i) {
        normed[i] = widen(from[i]) * unit;
        sum[i] += turned[i] * normed[i];
        turned[i] *= gains[i];
        dot += turned[i] * normed[i];
      }
      dot /= width;
      for (int64_t i = 0; i < width; ++i) dxs[row * width + i] = narrow(unit * (turned[i] - normed[i] * dot));
    }
    const std::lock_guard<std::mutex> lock(adding);
    for (int64_t i = 0; i < width; ++i) dgains[i] += sum[i];
  });
  return {dx, dgain};
}

// --- softmax over keys, in place: softmax(scores * scale + bias) ---------------------------------

// scores [B, A, T, M]; bias f32 [B, M], or empty.
void softmax(Tensor scores, const Tensor& bias, double scale) {
  const int64_t keys = scores.size(-1), rows = scores.numel() / keys, rows_a_clip = rows / scores.size(0);
  data(scores);
  bf16* all = out(scores);
  const float* biases = bias.numel() ? floats(bias) : nullptr;
  at::parallel_for(0, rows, kRowsAThread, [&](int64_t begin, int64_t end) {
    std::vector<float> line(keys);
    for (int64_t row = begin; row < end; ++row) {
      bf16* values = all + row * keys;
      const float* add = biases ? biases + row / rows_a_clip * keys : nullptr;
      float highest = -INFINITY, sum = 0;
      for (int64_t i = 0; i < keys; ++i) line[i] = widen(values[i]) * static_cast<float>(scale);
      if (add) for (int64_t i = 0; i < keys; ++i) line[i] += add[i];
      for (int64_t i = 0; i < keys; ++i) highest = std::max(highest, line[i]);
      for (int64_t i = 0; i < keys; ++i) {
        line[i] = fast_exp(line[i] - highest);
        sum += line[i];
      }
      const float share = 1.0f / sum;
      for (int64_t i = 0; i < keys; ++i) values[i] = narrow(line[i] * share);
    }
  });
}

// grad of the shares -> grad of the unscaled scores, in place
void softmax_backward(Tensor grad, const Tensor& shares, double scale) {
  const int64_t keys = grad.size(-1), rows = grad.numel() / keys;
  data(grad);
  bf16* gs = out(grad);
  const bf16* ps = data(shares);
  at::parallel_for(0, rows, kRowsAThread, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      bf16* g = gs + row * keys;
      const bf16* p = ps + row * keys;
      float dot = 0;
      for (int64_t i = 0; i < keys; ++i) dot += widen(g[i]) * widen(p[i]);
      for (int64_t i = 0; i < keys; ++i) g[i] = narrow((widen(g[i]) - dot) * widen(p[i]) * static_cast<float>(scale));
    }
  });
}

// --- GELU, tanh form: x * sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3) ------------------------

constexpr float kGelu = 0.79788456f, kCubic = 0.044715f;

Tensor gelu(const Tensor& x) {
  Tensor y = torch::empty_like(x);
  const bf16* xs = data(x);
  bf16* ys = out(y);
  at::parallel_for(0, x.numel(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float v = widen(xs[i]);
      ys[i] = narrow(v / (1.0f + fast_exp(-2.0f * kGelu * (v + kCubic * v * v * v))));
    }
  });
  return y;
}

Tensor gelu_backward(const Tensor& grad, const Tensor& x) {
  Tensor dx = torch::empty_like(x);
  const bf16 *gs = data(grad), *xs = data(x);
  bf16* dxs = out(dx);
  at::parallel_for(0, x.numel(), 4096, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const float v = widen(xs[i]);
      const float share = 1.0f / (1.0f + fast_exp(-2.0f * kGelu * (v + kCubic * v * v * v)));
      const float slope = share + v * share * (1.0f - share) * 2.0f * kGelu * (1.0f + 3.0f * kCubic * v * v);
      dxs[i] = narrow(widen(gs[i]) * slope);
    }
  });
  return dx;
}

}  // namespace

PYBIND11_MODULE(TORCH_EXTENSION_NAME, module) {
  module.def("modulate", &modulate);
  module.def("modulate_backward", &modulate_backward);
  module.def("add_gated", &add_gated);
  module.def("add_gated_backward", &add_gated_backward);
  module.def("norm_rotate", &norm_rotate);
  module.def("norm_rotate_backward", &norm_rotate_backward);
  module.def("softmax", &softmax);
  module.def("softmax_backward", &softmax_backward);
  module.def("gelu", &gelu);
  module.def("gelu_backward", &gelu_backward);
}
