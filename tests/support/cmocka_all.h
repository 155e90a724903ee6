/* tests/support/cmocka_all.h -- CMocka with the headers it needs first. */
#ifndef CAIRN_TESTS_CMOCKA_ALL_H
#define CAIRN_TESTS_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
