/* The multipliers alone: `turns` times CHAINS multiplications and additions of vectors. */
typedef float v __attribute__((vector_size(LANES * 4)));

void limit(long turns, float *sum) {
  const v x = sum[0] - (v){0}, y = sum[1] - (v){0};
  v s[CHAINS];
  for (int i = 0; i < CHAINS; i++) s[i] = x * (float)i;
  for (long turn = 0; turn < turns; turn++) {
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++) s[i] = s[i] * x + y;
  }
  for (int i = 1; i < CHAINS; i++) s[0] += s[i];
  sum[0] = s[0][0];
}
