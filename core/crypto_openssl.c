#include "core/crypto.h"
typedef int cairn_placeholder;
