//! A quorum as a tree of institutions, and what follows from its shape alone.
//!
//! Rules:
//! - An honest institution signs one history. The operator signs any number of them, with the log's key and with every
//!   key of his own; so those weigh nothing.
//! - Each institution stands at one place, and each name is a member of one group (C2SP tlog-policy); so numbers of the
//!   parts add up, and nothing has to be enumerated.

/// A place in the quorum.
#[derive(Clone, Debug)]
pub(super) enum Seat {
    /// An institution, by its number.
    Institution(usize),
    /// A key of the operator's own.
    Own,
    /// So many of these.
    Group(usize, Vec<Seat>),
}

/// More than there can be institutions: no number of them is enough.
const NEVER: usize = usize::MAX / 256;

impl Seat {
    /// The fewest institutions whose silence keeps this from being met.
    pub(super) fn silent(&self) -> usize {
        match self {
            Self::Institution(_) => 1,
            Self::Own => NEVER,
            Self::Group(threshold, members) => {
                least(members.iter().map(Self::silent).collect(), members.len() - threshold + 1)
            }
        }
    }

    /// The fewest institutions that have to sign two histories before both can meet this; `false_one` does already.
    pub(super) fn liars(&self, false_one: Option<usize>) -> usize {
        match self {
            Self::Institution(n) => usize::from(Some(*n) != false_one),
            Self::Own => 0,
            // Each member serves one of the two, and who signs both serves both.
            Self::Group(threshold, members) => least(
                members.iter().map(|m| m.liars(false_one)).collect(),
                (2 * threshold).saturating_sub(members.len()),
            ),
        }
    }

    /// Whether nothing meets this without that institution.
    pub(super) fn needs(&self, institution: usize) -> bool {
        match self {
            Self::Institution(n) => *n == institution,
            Self::Own => false,
            Self::Group(threshold, members) => members.iter().filter(|m| !m.needs(institution)).count() < *threshold,
        }
    }

    /// Two sets of institutions that each meet this and share none; `None` where all such sets share one.
    pub(super) fn apart(&self) -> Option<[Vec<usize>; 2]> {
        match self {
            Self::Institution(_) => None,
            Self::Own => Some(<[Vec<usize>; 2]>::default()),
            Self::Group(threshold, members) => {
                let (both, one): (Vec<_>, Vec<_>) = members.iter().partition(|m| m.liars(None) == 0);
                let mut sides = <[Vec<usize>; 2]>::default();
                for found in both.iter().take(*threshold).filter_map(|m| m.apart()) {
                    sides.iter_mut().zip(found).for_each(|(side, more)| side.extend(more));
                }
                let rest = threshold.saturating_sub(both.len());
                if one.len() < 2 * rest {
                    return None;
                }
                for (n, member) in one.into_iter().take(2 * rest).enumerate() {
                    sides[n % 2].extend(member.smallest());
                }
                Some(sides)
            }
        }
    }

    /// Institutions, in their order.
    pub(super) fn institutions(&self) -> Vec<usize> {
        match self {
            Self::Institution(n) => vec![*n],
            Self::Own => Vec::new(),
            Self::Group(_, members) => members.iter().flat_map(Self::institutions).collect(),
        }
    }

    /// Some set that meets this.
    fn smallest(&self) -> Vec<usize> {
        match self {
            Self::Group(threshold, members) => {
                let mut sets: Vec<_> = members.iter().map(Self::smallest).collect();
                sets.sort_by_key(Vec::len);
                sets.into_iter().take(*threshold).flatten().collect()
            }
            leaf => leaf.institutions(),
        }
    }
}

/// The sum of the `count` smallest.
fn least(mut costs: Vec<usize>, count: usize) -> usize {
    costs.sort_unstable();
    costs.into_iter().take(count).fold(0, |sum, cost| (sum + cost).min(NEVER))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn of(threshold: usize, members: Vec<Seat>) -> Seat {
        Seat::Group(threshold, members)
    }

    fn some(threshold: usize, from: usize, to: usize) -> Seat {
        of(threshold, (from..to).map(Seat::Institution).collect())
    }

    /// By trying every set of those who sign one side: the definition.
    fn by_trial(seat: &Seat, n: usize, lie: u32) -> bool {
        fn met(seat: &Seat, set: u32) -> bool {
            match seat {
                Seat::Institution(n) => set & (1 << n) != 0,
                Seat::Own => true,
                Seat::Group(threshold, members) => members.iter().filter(|m| met(m, set)).count() >= *threshold,
            }
        }
        (0..1u32 << n).any(|side| met(seat, side | lie) && met(seat, !side | lie))
    }

    #[test]
    fn the_numbers_are_those_that_trying_everything_gives() {
        let two_of_three_and_notary = of(2, vec![some(2, 0, 3), Seat::Institution(3)]);
        let cases = [
            (two_of_three_and_notary.clone(), 4),
            (some(2, 0, 3), 3),
            (some(1, 0, 2), 2),
            (some(3, 0, 4), 4),
            (of(2, vec![Seat::Own, some(2, 0, 2)]), 2),
            (of(1, vec![Seat::Own, some(2, 0, 2)]), 2),
            (of(2, vec![Seat::Own, Seat::Institution(0), Seat::Institution(1)]), 2),
            (of(2, vec![some(2, 0, 3), some(2, 3, 6), some(1, 6, 8)]), 8),
            (of(3, vec![some(2, 0, 3), some(2, 3, 5), Seat::Own, Seat::Institution(5)]), 6),
        ];
        for (seat, n) in cases {
            let fewest = (0..1u32 << n).filter(|lie| by_trial(&seat, n, *lie)).map(u32::count_ones).min();
            assert_eq!(fewest.unwrap() as usize, seat.liars(None), "{seat:?}");
            for one in 0..n {
                assert_eq!(seat.liars(Some(one)) == 0, by_trial(&seat, n, 1 << one), "{seat:?} {one}");
            }
            match seat.apart() {
                Some([a, b]) => assert!(seat.liars(None) == 0 && a.iter().all(|n| !b.contains(n)), "{seat:?}"),
                None => assert!(seat.liars(None) > 0, "{seat:?}"),
            }
        }
        assert_eq!(two_of_three_and_notary.silent(), 1);
        assert!(two_of_three_and_notary.needs(3) && !two_of_three_and_notary.needs(0));
        assert_eq!((some(2, 0, 3).silent(), some(3, 0, 5).silent()), (2, 3));
        assert_eq!(some(1, 0, 2).apart().unwrap(), [vec![0], vec![1]]);
    }
}
