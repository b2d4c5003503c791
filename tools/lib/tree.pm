# SPDX-License-Identifier: GPL-2.0-only
#
# What the checks on the tree share: its files, and a rough reading of C.
# Needs no more than Debian's perl-base, which every Debian machine has.
#
# The reading of C rests on the kernel's coding style: a function's opening brace
# stands alone at the start of a line and so does its closing one. A file that
# breaks this is found by check-style.

package tree;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use Exporter qw(import);

our @EXPORT = qw($top files slurp lines code finding finish functions split_list);
our $top = abs_path(dirname(__FILE__) . '/../..');

my $findings = 0;

# Say what is wrong, and where; finish() then fails.
sub finding {
	my ($where, $what) = @_;
	print "$where: $what\n";
	$findings++;
}

sub finish {
	exit($findings ? 1 : 0);
}

# The names of the tree's files that match $pattern, without what is built in it.
sub files {
	my ($pattern) = @_;
	my $list = -e "$top/.git"
		? `cd '$top' && git ls-files -co --exclude-standard`
		: `cd '$top' && find . -type f | sed 's,^\\./,,'`;
	my $built = qr/\.(o|ko|d|a|mod|mod\.c|cmd|order|symvers)$|\/\.tmp_/;
	return grep { $_ =~ $pattern && $_ !~ $built && -f "$top/$_" } sort split /\n/, $list;
}

sub slurp {
	my ($file) = @_;
	local $/;
	open my $in, '<', "$top/$file" or die "cannot read $file: $!\n";
	my $text = <$in>;
	return defined $text ? $text : '';
}

sub lines {
	return split /\n/, slurp(shift), -1;
}

# $text without the contents of comments and strings, on the same lines.
sub code {
	my ($text) = @_;
	$text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')}{
		my $blank = defined $1 ? $1 : $2;
		my $edge = defined $1 ? ' ' : substr($2, 0, 1);
		$blank =~ s/[^\n]/ /g;
		$edge . substr($blank, 1, length($blank) - 2) . $edge;
	}gse;
	return $text;
}

# The parts of a list of parameters or declarators, cut at its own commas.
sub split_list {
	my ($text) = @_;
	my ($depth, @parts) = (0, '');
	for my $c (split //, $text) {
		$depth++ if $c =~ /[(\[{]/;
		$depth-- if $c =~ /[)\]}]/;
		if ($c eq ',' && !$depth) {
			push @parts, '';
		} else {
			$parts[-1] .= $c;
		}
	}
	return grep { /\S/ } @parts;
}

# The functions defined in a file, each { name, line, lines, depth, params }:
# lines between the braces, the deepest nesting with 1 for the body itself.
sub functions {
	my ($file) = @_;
	my @lines = split /\n/, code(slurp($file)), -1;
	my @found;
	for (my $i = 1; $i < @lines; $i++) {
		next unless $lines[$i] =~ /^\{/;
		my $head = $lines[$i - 1];
		for (my $j = $i - 2; $j >= 0 && $head !~ /^\w/; $j--) {
			$head = $lines[$j] . ' ' . $head;
		}
		next unless $head =~ /(\w+)\s*\((.*)\)\s*(?:__\w+\s*)*$/ && $head !~ /[=;]/;
		my ($name, $params) = ($1, $2);
		my ($depth, $deepest, $end) = (0, 0, $i);
		for (; $end < @lines; $end++) {
			for my $c ($lines[$end] =~ /[{}]/g) {
				$depth += $c eq '{' ? 1 : -1;
				$deepest = $depth if $depth > $deepest;
			}
			last unless $depth;
		}
		push @found, {
			name => $name, line => $i, lines => $end - $i - 1, depth => $deepest,
			params => scalar grep { !/^\s*void\s*$/ } split_list($params),
		};
		$i = $end;
	}
	return @found;
}

1;
