import java.util.Arrays;

/** A decimal number, padded with 'x' to a fixed length, so that a reader can check the order. */
final class NumberedValue {
  private final byte[] bytes;
  private int digits;

  NumberedValue(int length) {
    bytes = new byte[length];
    Arrays.fill(bytes, (byte) 'x');
  }

  /** The same array each time: a producer has copied it when `send` returns. */
  byte[] of(long number) {
    int length = number == 0 ? 1 : (int) Math.log10(number) + 1;
    if (pow10(length) <= number) length++;
    if (length > bytes.length) {
      throw new IllegalArgumentException("valueBytes is too small for " + number);
    }
    if (length < digits) Arrays.fill(bytes, length, digits, (byte) 'x');
    digits = length;
    for (int i = length - 1; i >= 0; i--) {
      bytes[i] = (byte) ('0' + number % 10);
      number /= 10;
    }
    return bytes;
  }

  private static long pow10(int exponent) {
    long power = 1;
    for (int i = 0; i < exponent; i++) power *= 10;
    return power;
  }
}
