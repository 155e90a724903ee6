# Warnings and hardening, each flag probed: the OpenSSF compiler guide, and what docs/architecture.md says of the language.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)

add_library(cairn_flags INTERFACE)
add_compile_definitions(_GNU_SOURCE)

function(cairn_probe_flags)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "cairn_has_${flag}" has)
    check_c_compiler_flag("-Werror ${flag}" ${has})
    if(${has})
      target_compile_options(cairn_flags INTERFACE ${flag})
    endif()
  endforeach()
endfunction()

cairn_probe_flags(
  -Wall -Wextra -Werror -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wundef
  -Wvla -Wformat=2 -Wcast-qual -Wpointer-arith -Wwrite-strings -Wjump-misses-init -Wlogical-op -Wduplicated-cond
  -Wimplicit-fallthrough -Wdouble-promotion)
cairn_probe_flags(-fno-strict-aliasing -fno-common -fno-delete-null-pointer-checks)

if(CAIRN_SANITIZE)
  add_compile_options(-fsanitize=${CAIRN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  string(REPLACE "fuzzer-no-link," "" link_sanitize ${CAIRN_SANITIZE})
  add_link_options(-fsanitize=${link_sanitize})
else()
  cairn_probe_flags(-fstack-protector-strong -fstack-clash-protection -fcf-protection=full -ftrivial-auto-var-init=zero
                    -Wstack-usage=16384)
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  foreach(flag -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,--as-needed)
    string(MAKE_C_IDENTIFIER "cairn_links_${flag}" has)
    check_linker_flag(C ${flag} ${has})
    if(${has})
      add_link_options(${flag})
    endif()
  endforeach()
endif()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_link_options($<$<STREQUAL:$<TARGET_PROPERTY:TYPE>,EXECUTABLE>:-pie>)
