//! Cells that a spreadsheet would run as a formula, made harmless so that a reader can undo it.

/// Text that begins like a formula after the apostrophes that may already be there. Some spreadsheets
/// take the full-width signs for the plain ones.
fn formula(cell: &str) -> bool {
    cell.trim_start_matches('\'')
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'])
}

/// An apostrophe in front makes it text.
pub(super) fn neutral(cell: &str) -> String {
    if formula(cell) && !is_number(cell) && !is_phone(cell) {
        format!("'{cell}")
    } else {
        cell.to_owned()
    }
}

pub(super) fn original(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(rest) if formula(rest) => rest,
        _ => cell,
    }
}

fn is_number(cell: &str) -> bool {
    let digits = cell.strip_prefix(['+', '-']).unwrap_or(cell);
    let bare = digits.replacen(['.', ','], "", 1);
    !bare.is_empty() && bare.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_phone(cell: &str) -> bool {
    cell.strip_prefix('+').is_some_and(|rest| {
        rest.bytes().any(|byte| byte.is_ascii_digit())
            && rest
                .chars()
                .all(|character| character.is_ascii_digit() || " ()-.".contains(character))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn formulas_are_neutralised_and_numbers_are_not() {
        for cell in [
            "=1+1",
            "+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            "＝1",
            "'=1",
            "-",
            "+",
        ] {
            assert_eq!(neutral(cell), format!("'{cell}"));
            assert_eq!(original(&neutral(cell)), cell);
        }
        for cell in [
            "",
            "Ada",
            "-5",
            "-5,50",
            "+1.5",
            "+49 (30) 123-45.6",
            "'t Hooft",
            "a=b",
            "O'-",
        ] {
            assert_eq!(neutral(cell), cell);
            assert_eq!(original(cell), cell);
        }
    }

    proptest! {
        #[test]
        fn neutral_cells_are_undone(cell in "['=+\\-@\t\r\na1., ]{0,6}") {
            let neutral = neutral(&cell);
            prop_assert_eq!(original(&neutral), cell);
        }
    }
}
