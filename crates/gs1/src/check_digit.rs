use crate::charset;

/// Gives the GS1 check digit of `digits` (those before it): modulo 10, weights 3 and 1 from the
/// right. None when something else than a digit is among them, or nothing at all.
#[must_use]
pub fn check_digit(digits: &str) -> Option<char> {
    if digits.is_empty() {
        return None;
    }
    let mut sum = 0_u32;
    for (place, byte) in digits.bytes().rev().enumerate() {
        if !byte.is_ascii_digit() {
            return None;
        }
        let digit = u32::from(byte - b'0');
        // At most 9 * 3 a digit: no text that fits in memory as an identifier overflows the sum.
        sum = (sum + if place % 2 == 0 { 3 * digit } else { digit }) % 10;
    }
    char::from_digit((10 - sum) % 10, 10)
}

/// Gives the check character pair of a Global Model Number's first part (GS1 General
/// Specifications, 7.9.5). None when a character is outside GS1's set 82, or there are none or more
/// than 23.
#[must_use]
pub fn check_character_pair(text: &str) -> Option<String> {
    const PRIMES: [u32; 23] =
        [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83];
    const CHARACTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
    if text.is_empty() || text.len() > PRIMES.len() {
        return None;
    }
    let mut sum = 0_u32;
    for (byte, prime) in text.bytes().rev().zip(PRIMES) {
        sum += charset::value_82(byte)? * prime;
    }
    let rest = usize::try_from(sum % 1_021).ok()?;
    let pair = [CHARACTERS.get(rest / 32)?, CHARACTERS.get(rest % 32)?];
    Some(pair.iter().map(|byte| char::from(**byte)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_digits_are_those_of_printed_labels() {
        assert_eq!(check_digit("629104150021"), Some('3'));
        assert_eq!(check_digit("0952012345678"), Some('8'));
        assert_eq!(check_digit("37610425002123456"), Some('9'));
        assert_eq!(check_digit("7061414112345"), Some('1'));
    }

    #[test]
    fn what_is_not_digits_has_no_check_digit() {
        assert_eq!(check_digit(""), None);
        assert_eq!(check_digit("12a4"), None);
        assert_eq!(check_digit("１２"), None);
    }

    #[test]
    fn a_model_number_gets_the_pair_of_the_general_specifications() {
        assert_eq!(check_character_pair("1987654Ad4X4bL5ttr2310c").as_deref(), Some("2K"));
        assert_eq!(check_character_pair(""), None);
        assert_eq!(check_character_pair("with space"), None);
    }
}
