//! "Did you mean": the nearest of the spellings that would have been right.

/// The candidate that `text` was most likely meant to be, if any is close enough to be worth a suggestion.
///
/// Close means at most a third of the longer spelling's characters were mistyped. Of equally near
/// candidates the first wins, so that a sorted list gives a stable answer.
pub fn did_you_mean<'a>(
    text: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let longer = text.chars().count().max(candidate.chars().count());
        let limit = match best {
            Some((distance, _)) => distance - 1,
            // Any two single letters are one mistake apart, which says nothing.
            None => (longer.max(3) / 3).min(longer.saturating_sub(1)),
        };
        if let Some(distance) = distance_within(text, candidate, limit) {
            if distance == 0 {
                // Only the letters' case differs, or nothing does: nothing nearer can come.
                return Some(candidate);
            }
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// The number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`,
/// if at most `limit`. Letters that differ only in case count as equal.
pub fn distance_within(a: &str, b: &str, limit: usize) -> Option<usize> {
    let a: Vec<char> = a.chars().map(|c| c.to_ascii_lowercase()).collect();
    let b: Vec<char> = b.chars().map(|c| c.to_ascii_lowercase()).collect();
    if a.len().abs_diff(b.len()) > limit {
        return None;
    }
    // Three rows of the usual table suffice: swaps look back two rows.
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    let mut row = vec![0; b.len() + 1];
    for i in 1..=a.len() {
        row[0] = i;
        for j in 1..=b.len() {
            let substitution = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut cost = substitution.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row[j] = cost;
        }
        if row.iter().all(|&cost| cost > limit) {
            return None;
        }
        std::mem::swap(&mut before, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    Some(last[b.len()]).filter(|&distance| distance <= limit)
}
