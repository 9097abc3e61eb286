# usherd.m4 - the macros of usherd's configure.ac.
# Beware: m4 variables of loops must never be named like a letter of the generated
# shell code; here shell loops are used, and m4 loops not at all.

# USHERD_OPTION(NAME, OPTION, WHAT, DEFAULT) - sets enable_NAME to yes or no.
AC_DEFUN([USHERD_OPTION], [
AC_ARG_ENABLE([$1],
	[AS_HELP_STRING([--$2], [$3])],
	[AS_CASE([$enableval], [yes | no], [],
		[AC_MSG_ERROR([--enable-$1 takes yes or no, not $enableval])])],
	[enable_$1=$4])
])

# USHERD_REQUIRE(VARIABLE, MODULE, DEBIAN-PACKAGE)
AC_DEFUN([USHERD_REQUIRE], [
PKG_CHECK_MODULES([$1], [$2], [],
	[AC_MSG_ERROR([the library $2 was not found; on Debian: apt-get install $3])])
])

# USHERD_FLAG(VARIABLE, FLAG, [IF-TAKEN], [LDFLAG], [PROLOGUE])
# Adds FLAG to VARIABLE when compiler and linker take it without a word. A program
# is linked, not only compiled: some flags fail no earlier.
AC_DEFUN([USHERD_FLAG], [
AC_MSG_CHECKING([whether $CC takes $2 $4])
usherd_save_CFLAGS=$CFLAGS
usherd_save_LDFLAGS=$LDFLAGS
CFLAGS="$CFLAGS -Werror $2"
LDFLAGS="$LDFLAGS $4"
AC_LINK_IFELSE([AC_LANG_PROGRAM([[$5]], [[]])],
	[AC_MSG_RESULT([yes])
	$1="${$1:+$$1 }$2"
	$3],
	[AC_MSG_RESULT([no])])
CFLAGS=$usherd_save_CFLAGS
LDFLAGS=$usherd_save_LDFLAGS
])

# USHERD_LANGUAGE - LANGUAGE_CFLAGS: the dialect, which is not optional.
AC_DEFUN([USHERD_LANGUAGE], [
AC_SUBST([LANGUAGE_CFLAGS])
LANGUAGE_CFLAGS=
USHERD_FLAG([LANGUAGE_CFLAGS], [-std=gnu17])
AS_IF([test -z "$LANGUAGE_CFLAGS"], [AC_MSG_ERROR([$CC does not take -std=gnu17])])
])

# USHERD_LONG_TIME - LONG_TIME_CPPFLAGS: what makes time_t longer than 32 bits, where that can be had.
AC_DEFUN([USHERD_LONG_TIME], [
AC_SUBST([LONG_TIME_CPPFLAGS])
AC_MSG_CHECKING([for what makes times of 64 bits])
usherd_save_CPPFLAGS=$CPPFLAGS
usherd_found=
for usherd_flag in none -D_TIME_BITS=64
do
	AS_IF([test -z "$usherd_found"], [
		AS_IF([test "$usherd_flag" != none], [CPPFLAGS="$usherd_save_CPPFLAGS $usherd_flag"])
		AC_COMPILE_IFELSE([AC_LANG_PROGRAM([[
#include <time.h>
_Static_assert(sizeof(time_t) >= 8, "time_t has 64 bits");
]])], [usherd_found=$usherd_flag])
	])
done
CPPFLAGS=$usherd_save_CPPFLAGS
AC_MSG_RESULT([${usherd_found:-nothing}])
LONG_TIME_CPPFLAGS=
AS_IF([test "$usherd_found" != none], [LONG_TIME_CPPFLAGS=$usherd_found])
])

# USHERD_WARNINGS - WARNING_CFLAGS.
AC_DEFUN([USHERD_WARNINGS], [
AC_SUBST([WARNING_CFLAGS])
WARNING_CFLAGS=
for usherd_flag in \
	-Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla \
	-Wformat=2 -Wcast-qual -Wundef -Wimplicit-fallthrough -Wswitch-enum
do
	USHERD_FLAG([WARNING_CFLAGS], [$usherd_flag])
done
AS_IF([test "$enable_werror" = yes], [WARNING_CFLAGS="$WARNING_CFLAGS -Werror"])
])

# USHERD_SANITIZERS - SANITIZER_CFLAGS (also for the linker), SANITIZERS (names).
AC_DEFUN([USHERD_SANITIZERS], [
AC_SUBST([SANITIZER_CFLAGS])
AC_SUBST([SANITIZERS])
SANITIZER_CFLAGS=
SANITIZERS=
AS_IF([test "$enable_sanitizers" = yes], [
	USHERD_FLAG([SANITIZER_CFLAGS],
		[-fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer],
		[SANITIZERS="address undefined"])
	AS_IF([test -z "$SANITIZERS"],
		[AC_MSG_ERROR([$CC has no address and undefined sanitizers; on Debian they come with gcc, and for clang with libclang-rt-14-dev])])
])
])

# USHERD_COVERAGE - COVERAGE_CFLAGS (also for the linker): what runs is counted, also in the child, which runs on the
# daemon's memory and counts there; counting allocates nothing and calls nobody.
AC_DEFUN([USHERD_COVERAGE], [
AC_SUBST([COVERAGE_CFLAGS])
COVERAGE_CFLAGS=
AS_IF([test "$enable_coverage" = yes], [
	USHERD_FLAG([COVERAGE_CFLAGS], [--coverage -fprofile-abs-path -fprofile-update=atomic])
	AS_IF([test -z "$COVERAGE_CFLAGS"], [AC_MSG_ERROR([coverage is counted with gcc's --coverage, which $CC does not take])])
])
])

# USHERD_HARDENING - HARDENING_CFLAGS, HARDENING_LDFLAGS, and in HARDENING the names
# of what tests/structure/harden.sh must then find in the binary.
AC_DEFUN([USHERD_HARDENING], [
AC_SUBST([HARDENING_CFLAGS])
AC_SUBST([HARDENING_LDFLAGS])
AC_SUBST([HARDENING])
HARDENING_CFLAGS=
HARDENING_LDFLAGS=
HARDENING=
AS_IF([test "$enable_hardening" = yes], [
	USHERD_FLAG([HARDENING_CFLAGS], [-fPIE],
		[HARDENING_LDFLAGS="-pie"
		HARDENING="pie"], [-pie])
	for usherd_flag in relro now noexecstack
	do
		AC_MSG_CHECKING([whether the linker takes -z $usherd_flag])
		usherd_save_LDFLAGS=$LDFLAGS
		LDFLAGS="$LDFLAGS -Wl,-z,$usherd_flag"
		AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
			[AC_MSG_RESULT([yes])
			HARDENING_LDFLAGS="$HARDENING_LDFLAGS -Wl,-z,$usherd_flag"
			HARDENING="$HARDENING $usherd_flag"],
			[AC_MSG_RESULT([no])])
		LDFLAGS=$usherd_save_LDFLAGS
	done
	USHERD_FLAG([HARDENING_CFLAGS], [-fstack-protector-strong], [HARDENING="$HARDENING stack-protector"])
	USHERD_FLAG([HARDENING_CFLAGS], [-fstack-clash-protection], [HARDENING="$HARDENING stack-clash"])
	USHERD_FLAG([HARDENING_CFLAGS], [-fcf-protection], [HARDENING="$HARDENING cf"])
	USHERD_FLAG([HARDENING_CFLAGS], [-mbranch-protection=standard])
	USHERD_FORTIFY
])
])

# USHERD_FORTIFY - fortify needs the optimiser, and gets in the way of AddressSanitizer.
AC_DEFUN([USHERD_FORTIFY], [
AS_CASE([" $CFLAGS ${SANITIZERS:+-O0 }"],
	[*" -O0 "*], [],
	[*" -O"*], [
		usherd_fortify=
		for usherd_level in 3 2
		do
			AS_IF([test -z "$usherd_fortify"], [
				USHERD_FLAG([usherd_fortify], [-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=$usherd_level], [],
					[], [@%:@include <stdio.h>])
			])
		done
		AS_IF([test -n "$usherd_fortify"], [
			HARDENING_CFLAGS="$HARDENING_CFLAGS $usherd_fortify"
			HARDENING="$HARDENING fortify"])
	])
])

# USHERD_ONE_PROGRAM - for --enable-static: STATIC_LDFLAGS, position independent where that
# can be had, and the name of the program in STATIC_PROGRAM. The libraries must be static.
AC_DEFUN([USHERD_ONE_PROGRAM], [
AC_SUBST([STATIC_LDFLAGS])
AC_SUBST([STATIC_PROGRAM])
STATIC_LDFLAGS=
STATIC_PROGRAM=
AS_IF([test "$enable_static" = yes], [
	AS_IF([test -n "$SANITIZERS"], [AC_MSG_ERROR([a static program has no sanitizers])])
	usherd_save_LIBS=$LIBS
	usherd_save_LDFLAGS=$LDFLAGS
	LIBS="$INIH_LIBS $JANSSON_LIBS $LIBMD_LIBS $CAPNG_LIBS $LIBS"
	# musl-gcc takes -static-pie, and makes a program that asks for a dynamic loader.
	for usherd_way in -static-pie -static
	do
		AS_IF([test -z "$STATIC_LDFLAGS"], [
			AC_MSG_CHECKING([whether $CC $usherd_way makes a static program])
			LDFLAGS="$usherd_save_LDFLAGS $usherd_way"
			AC_LINK_IFELSE([AC_LANG_PROGRAM([[]], [[]])],
				[AS_IF([$READELF -lW conftest$ac_exeext | grep -q INTERP],
					[AC_MSG_RESULT([no])],
					[AC_MSG_RESULT([yes])
					STATIC_LDFLAGS=$usherd_way])],
				[AC_MSG_RESULT([no])])
		])
	done
	LIBS=$usherd_save_LIBS
	LDFLAGS=$usherd_save_LDFLAGS
	AS_IF([test -z "$STATIC_LDFLAGS"],
		[AC_MSG_ERROR([--enable-static: libc, inih, jansson, libmd and libcap-ng are not all there as static libraries])])
	STATIC_LDFLAGS="$STATIC_LDFLAGS -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack"
	STATIC_PROGRAM=usherd-static
])
AM_CONDITIONAL([STATIC], [test -n "$STATIC_PROGRAM"])
])
